"""Which files of a stream's declared batch are due: one for each time that its schedule fires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from croniter.croniter import croniter  # type: ignore[import-untyped]

from penstock.console.batch.event_rows import TimeSpan
from penstock.contracts.declaration.stream import Declaration

MOST_MISSED = 31  # files that are caught up on after a time in which nobody wrote them
NAME = "%Y-%m-%dT%H%M%SZ"


@dataclass(frozen=True)
class DueBatch:
    """A file that is to be written, and of which events."""

    stream: str
    span: TimeSpan
    file: Path


def due_batches(declaration: Declaration, folder: Path, now: datetime) -> list[DueBatch]:
    """The files that are due and not there yet, the oldest first.

    The newest file in the stream's folder says how far its batches have come; while there is none, the newest firing is
    due alone. `folder` holds those of all streams.
    """
    cron, suffix = declaration.batch.cron, f".{declaration.batch.format}"
    if cron is None:
        return []
    written = _newest_written(folder / declaration.name)
    firings = _firings_until(cron, now, written)
    return [
        DueBatch(
            declaration.name,
            TimeSpan(start, stop),
            folder / declaration.name / f"{stop.strftime(NAME)}{suffix}",
        )
        for start, stop in pairwise(firings)
    ]


def _firings_until(cron: str, now: datetime, written: datetime | None) -> list[datetime]:
    """The times at which it fired, from the last that was written for, or the last but one, to now."""
    backwards = croniter(cron, now)
    firings: list[datetime] = [backwards.get_next(datetime)]
    while len(firings) < MOST_MISSED + 2:
        firings.append(backwards.get_prev(datetime))
        if written is None and len(firings) == 3:
            break
        if written is not None and firings[-1] <= written:
            break
    return [firing for firing in reversed(firings) if firing <= now and (written is None or firing >= written)]


def _newest_written(folder: Path) -> datetime | None:
    times = []
    for file in folder.glob("*") if folder.is_dir() else ():
        try:
            times.append(datetime.strptime(file.stem, NAME).replace(tzinfo=UTC))
        except ValueError:  # a file of others, or one that is being written
            continue
    return max(times, default=None)
