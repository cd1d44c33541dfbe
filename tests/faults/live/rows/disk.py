"""A full disk below one service's data, below the store of models, or below the broker's log; and a locked database."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from penstock.console.home import Home
from tests.faults.live.case import Case
from tests.faults.live.trial import Trial
from tests.incidents.processes import database_locked

BEFORE_S = 3.0
FULL_S = 20.0
LOCKED_S = 30.0
MIB = 1 << 20

FOLDERS: Mapping[str, Callable[[Home], Path]] = {
    "validator": lambda home: home.data("validator"),
    "server": lambda home: home.data("server"),
    "drift-detector": lambda home: home.data("drift-detector"),
    "trainer": lambda home: home.artifacts,
    "broker": lambda home: home.kafka,
}
"""What can be full, by whom it hurts; each has a small disk of its own."""


def small_disks(home: Home) -> list[Path]:
    """The folders of a home that are to be disks of their own."""
    return [folder(home) for folder in FOLDERS.values()]


async def _full(trial: Trial, hurt: str) -> None:
    await asyncio.sleep(BEFORE_S)
    file = FOLDERS[hurt](trial.site.stage.home) / "somebody-elses-file"
    try:
        _fill(file)
        await asyncio.sleep(FULL_S)
    finally:
        file.unlink()


def _fill(file: Path) -> None:
    """Write until nothing more is taken."""
    with file.open("wb", buffering=0) as filling:
        try:
            while True:
                filling.write(bytes(MIB))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


async def _locked(trial: Trial) -> None:
    async with database_locked(trial.site.stage):
        await asyncio.sleep(LOCKED_S)


def _cases() -> Iterator[Case]:
    for hurt in FOLDERS:
        inflict = partial(_full, hurt=hurt)
        row = f"disk full for {FULL_S:g} s"
        yield Case(
            row,
            hurt,
            "real disk",
            inflict,
            hurt,
            is_judged_by_time=False,
            on_small_disks=True,
            is_alone=hurt == "broker",
        )
    row = f"registry's database locked for {LOCKED_S:g} s"
    yield Case(row, "SQLite", "real database", _locked, "registry", is_judged_by_time=False)


CASES = tuple(_cases())
