"""What a process measures of itself."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from penstock.runtime.process_watch import measure_disk, watch_process
from penstock.telemetry.metrics import Metrics


def value(metrics: Metrics, name: str) -> float:
    found = metrics.registry.get_sample_value(name)
    assert found is not None, name
    return found


def test_the_state_is_measured_and_the_disk_also_before_the_folder_is_there(tmp_path: Path) -> None:
    metrics, folder = Metrics(), tmp_path / "data"
    measure_disk(metrics.process, folder)
    assert value(metrics, "penstock_state_bytes") == 0
    assert 0 < value(metrics, "penstock_disk_free_bytes") <= value(metrics, "penstock_disk_size_bytes")
    unit = folder / "state" / "validator" / "loans-0"
    unit.mkdir(parents=True)
    (unit / "000001.sst").write_bytes(b"x" * 1000)
    (unit / "LOG").write_bytes(b"x" * 10)
    measure_disk(metrics.process, folder)
    assert value(metrics, "penstock_state_bytes") == 1010


async def test_an_event_loop_that_stands_still_is_late(tmp_path: Path) -> None:
    metrics = Metrics()
    watch = asyncio.create_task(watch_process(metrics.process, tmp_path))
    async with asyncio.timeout(30):
        while not value(metrics, "penstock_event_loop_lag_seconds_sum") >= 0.3:
            time.sleep(0.7)  # noqa: ASYNC251 - the loop is to stand still
            await asyncio.sleep(0)
    watch.cancel()
    await asyncio.wait({watch})
