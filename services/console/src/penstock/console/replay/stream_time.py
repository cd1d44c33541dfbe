"""Replay in stream time: what is known at each row is exactly what would have been known live, however fast it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from penstock.console.replay.feed import Feed, Row, chunks
from penstock.console.replay.report import Truths


class Deployment(Protocol):
    """What a replay is sent to: services on a broker, or all of them in this process."""

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime) -> int:
        """Hand records in at stream time `now`; how many were refused at the door."""

    async def answered(self, ids: Sequence[str]) -> None:
        """Wait until each id has its prediction or rejection on the log."""

    async def quiet(self) -> None:
        """Wait until nothing is left to do."""


@dataclass
class Sent:
    """What was sent so far, and what of it was refused at the door."""

    truths: Truths
    events: int = 0
    labels: int = 0
    refused: int = 0

    def note(self, rows: Sequence[Row]) -> None:
        """Remember rows that were sent."""
        self.events += len(rows)
        for row in rows:
            self.truths.rows[row.id] = row.number
            if row.truth is not None:
                self.truths.truths[row.id] = row.truth


async def replay(
    feed: Feed,
    deployment: Deployment,
    delay: int,
    size: int,
    progress: Callable[[Sent], None],
    skip: int = 0,
) -> Sent:
    """Send the feed's rows, `size` at a time, each label once the row `delay` rows later has been sent.

    Before the chunk that starts at row j, every label up to row j-delay-1 has been sent, and none later, and the
    deployment is quiet: joined, judged, trained and served. `skip` rows are known to have been sent before.
    """
    sent = Sent(Truths())
    waiting: deque[Row] = deque()
    now: datetime | None = None
    for chunk in chunks(feed.rows(), size):
        start = chunk[0].number
        if now is not None:
            await _send_labels(feed, deployment, sent, _due(waiting, start - delay), now)
            await deployment.quiet()
        now = max(row.time for row in chunk) if now is None else max(now, *(row.time for row in chunk))
        fresh = [row.event for row in chunk if row.number >= skip]
        if fresh:
            sent.refused += await deployment.send("event", fresh, now)
        sent.note(chunk)
        waiting.extend(row for row in chunk if row.truth is not None)
        progress(sent)
    if now is not None:
        await deployment.quiet()
        await _send_labels(feed, deployment, sent, list(waiting), now)
        await deployment.quiet()
    return sent


def _due(waiting: deque[Row], until: int) -> list[Row]:
    """The rows before `until` whose labels have not been sent yet, taken from the queue."""
    due = []
    while waiting and waiting[0].number < until:
        due.append(waiting.popleft())
    return due


async def _send_labels(
    feed: Feed, deployment: Deployment, sent: Sent, due: Sequence[Row], now: datetime, most: int = 1000
) -> None:
    for start in range(0, len(due), most):
        rows = due[start : start + most]
        await deployment.answered([row.id for row in rows])
        refused = await deployment.send("label", [feed.label_of(row, now) for row in rows], now)
        sent.labels += len(rows) - refused
