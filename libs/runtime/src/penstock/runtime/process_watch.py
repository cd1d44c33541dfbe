"""Watches the process itself, for its metrics: how late its event loop is, and what its data take of the disk."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from penstock.telemetry.process_metrics import ProcessMetrics

LOOP_EVERY_S = 0.25
DISK_EVERY_S = 15.0


async def watch_process(metrics: ProcessMetrics, data_folder: Path) -> None:
    """Measure for ever."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch_loop(metrics))
        tasks.create_task(_watch_disk(metrics, data_folder))


async def _watch_loop(metrics: ProcessMetrics) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + LOOP_EVERY_S
        await asyncio.sleep(LOOP_EVERY_S)
        metrics.observe_loop_lag(max(0.0, clock() - due))


async def _watch_disk(metrics: ProcessMetrics, data_folder: Path) -> None:
    while True:
        await asyncio.to_thread(measure_disk, metrics, data_folder)
        await asyncio.sleep(DISK_EVERY_S)


def measure_disk(metrics: ProcessMetrics, data_folder: Path) -> None:
    """Measure once the disk that the folder is on, or will be on, and the state in it."""
    existing = next(folder for folder in (data_folder.absolute(), *data_folder.absolute().parents) if folder.exists())
    disk = shutil.disk_usage(existing)
    metrics.set_disk(free=disk.free, size=disk.total, state=_size_of(data_folder / "state"))


def _size_of(folder: Path) -> int:
    """The bytes of all files below a folder; files that go meanwhile count as none."""
    return sum(_file_size(os.path.join(where, name)) for where, _, files in os.walk(folder) for name in files)


def _file_size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
