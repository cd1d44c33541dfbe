"""Replay in stream time: before each row, the models know what they would have known live, however fast it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from penstock.console.record_refusal import RecordRefusal
from penstock.console.replay.labelled_rows import LabelledRows, Row, chunks
from penstock.console.replay.scores import RowLabels

LABELS_PER_REQUEST = 1000


class ReplayDeployment(Protocol):
    """What a replay is sent to: services on a broker, or all of them in this process."""

    async def send(
        self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime
    ) -> list[RecordRefusal]:
        """Send records at stream time `now`; the refusals of ingestion."""

    async def await_answers(self, ids: Sequence[str]) -> None:
        """Wait until each of the events has its prediction or rejection on the log."""

    async def await_quiet(self) -> None:
        """Wait until the stream is quiet."""


@dataclass
class ReplayProgress:
    """How many events and labels were sent, how many events ingestion refused, and the rows they came from."""

    rows: RowLabels = field(default_factory=RowLabels)
    events: int = 0
    labels: int = 0
    refused: int = 0

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Count rows that were sent."""
        self.events += len(rows)
        for row in rows:
            self.rows.numbers[row.id] = row.number
            if row.label is not None:
                self.rows.labels[row.id] = row.label


async def replay_in_stream_time(
    source: LabelledRows,
    deployment: ReplayDeployment,
    delay: int,
    size: int,
    progress: Callable[[ReplayProgress], None],
    skip: int = 0,
) -> ReplayProgress:
    """Send the rows, `size` at a time, each label once the row `delay` rows later has been sent.

    Before the chunk that starts at row j, every label up to row j - delay - 1 has been sent, and none later, and the
    stream is quiet: outcomes joined, drift detected, models trained and served.

    Args:
        source: the rows.
        deployment: where they are sent to.
        delay: in rows.
        size: rows sent at a time.
        progress: called after each chunk.
        skip: how many rows were sent by an earlier run, whose events are not sent again.
    """
    counts = ReplayProgress()
    unlabelled: deque[Row] = deque()
    now: datetime | None = None
    for chunk in chunks(source.rows(), size):
        start = chunk[0].number
        if now is not None:
            counts.labels += await _send_labels(source, deployment, _take_until(unlabelled, start - delay), now)
            await deployment.await_quiet()
        now = newest_time(chunk, now)
        events = [row.event for row in chunk if row.number >= skip]
        if events:
            counts.refused += len(await deployment.send("event", events, now))
        counts.add_rows(chunk)
        unlabelled.extend(row for row in chunk if row.label is not None)
        progress(counts)
    if now is not None:
        await deployment.await_quiet()
        counts.labels += await _send_labels(source, deployment, list(unlabelled), now)
        await deployment.await_quiet()
    return counts


def newest_time(chunk: Sequence[Row], now: datetime | None) -> datetime:
    """The stream time after a chunk: it never goes back, even where the rows' times do."""
    newest = max(row.time for row in chunk)
    return newest if now is None else max(now, newest)


def _take_until(unlabelled: deque[Row], number: int) -> list[Row]:
    """The rows before `number`, taken from the queue of those whose labels have not been sent yet."""
    due = []
    while unlabelled and unlabelled[0].number < number:
        due.append(unlabelled.popleft())
    return due


async def _send_labels(source: LabelledRows, deployment: ReplayDeployment, rows: Sequence[Row], now: datetime) -> int:
    """Send the labels of rows, each after the row's prediction or rejection; how many ingestion accepted."""
    accepted = 0
    for start in range(0, len(rows), LABELS_PER_REQUEST):
        batch = rows[start : start + LABELS_PER_REQUEST]
        await deployment.await_answers([row.id for row in batch])
        accepted += await send_labels(source, deployment, batch, now)
    return accepted


async def send_labels(source: LabelledRows, deployment: ReplayDeployment, rows: Sequence[Row], now: datetime) -> int:
    """Send the labels of rows in one request; how many ingestion accepted."""
    refusals = await deployment.send("label", [source.label_of(row, now) for row in rows], now)
    return len(rows) - len(refusals)
