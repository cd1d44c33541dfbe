"""Replay in stream time: before each row, the models know what they would have known live, however fast it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, Protocol

from penstock.console.record_refusal import RecordRefusal
from penstock.console.replay.rows.labelled_rows import LabelledRows, Row, chunks
from penstock.console.replay.rows.newest_time import newest_time
from penstock.console.replay.rows.refusal_counts import RefusalCounts
from penstock.console.replay.rows.row_labels import RowLabels
from penstock.contracts.input_bounds import EARLIEST_TIME

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


class EarlierRun(Protocol):
    """What an earlier run has sent already."""

    def is_answered(self, record_id: str) -> bool:
        """Whether the event has a prediction or a rejection."""

    def has_outcome(self, record_id: str) -> bool:
        """Whether the event has an outcome."""


@dataclass
class ReplayProgress:
    """What was sent.

    Attributes:
        rows: those that were read, with their labels.
        events: how many rows were read.
        sent: how many of their events were sent, or refused unsent; the others had been sent by an earlier run.
        labels: how many labels ingestion accepted.
        refusals: what ingestion refused, and rows whose time or label cannot be read.
    """

    rows: RowLabels = field(default_factory=RowLabels)
    events: int = 0
    sent: int = 0
    labels: int = 0
    refusals: RefusalCounts = field(default_factory=RefusalCounts)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of what was sent was accepted."""
        return self.sent == self.refusals.count("event") and not self.labels


@dataclass
class ReplaySender:
    """Sends rows and labels, and counts them.

    Attributes:
        source: the rows.
        deployment: where they are sent to.
        earlier: what need not be sent again.
        counts: of what was sent.
    """

    source: LabelledRows
    deployment: ReplayDeployment
    earlier: EarlierRun | None = None
    counts: ReplayProgress = field(default_factory=ReplayProgress)

    async def send_events(self, rows: Sequence[Row], now: datetime) -> list[Row]:
        """Send the events of the next rows; the rows whose labels are to be sent once they are due."""
        new = [row for row in rows if self.earlier is None or not self.earlier.is_answered(row.id)]
        readable = [row for row in new if row.event_refusal is None]
        refusals = await self.deployment.send("event", [row.event for row in readable], now) if readable else []
        refused = {readable[refusal.index].number: refusal.reason for refusal in refusals}
        refused |= {row.number: row.event_refusal for row in rows if row.event_refusal is not None}
        for number, reason in sorted(refused.items()):
            self.counts.refusals.add("event", number, reason)
        self._count_unreadable_labels(rows, refused)
        self.counts.rows.add(rows)
        self.counts.events += len(rows)
        self.counts.sent += len(new)
        return [row for row in rows if row.label is not None and row.number not in refused and self._is_open(row)]

    async def send_labels(self, rows: Sequence[Row], now: datetime) -> None:
        """Send the labels of rows in one request."""
        refusals = await self.deployment.send("label", [self.source.label_of(row, now) for row in rows], now)
        for refusal in refusals:
            self.counts.refusals.add("label", rows[refusal.index].number, refusal.reason)
        self.counts.labels += len(rows) - len(refusals)

    def _count_unreadable_labels(self, rows: Sequence[Row], refused: Container[int]) -> None:
        for row in rows:
            if row.label_refusal is not None and row.number not in refused:
                self.counts.refusals.add("label", row.number, row.label_refusal)

    def _is_open(self, row: Row) -> bool:
        return self.earlier is None or not self.earlier.has_outcome(row.id)


async def replay_in_stream_time(
    sender: ReplaySender, delay: int, size: int, progress: Callable[[ReplayProgress], None]
) -> ReplayProgress:
    """Send the rows, `size` at a time, each label once the row `delay` rows later has been sent.

    Before the chunk that starts at row j, every label up to row j - delay - 1 has been sent, and none later, and the
    stream is quiet: outcomes joined, drift detected, models trained and served.

    Args:
        sender: of the rows.
        delay: in rows.
        size: rows sent at a time.
        progress: called after each chunk.
    """
    counts, unlabelled = sender.counts, deque[Row]()
    sent_when_quiet = (0, 0)
    now = EARLIEST_TIME
    for chunk in chunks(sender.source.rows(), size):
        await _send_labels(sender, _take_until(unlabelled, chunk[0].number - delay), now)
        if (counts.sent, counts.labels) != sent_when_quiet:
            await sender.deployment.await_quiet()
            sent_when_quiet = (counts.sent, counts.labels)
        now = newest_time(chunk, now, datetime.now(UTC))
        unlabelled.extend(await sender.send_events(chunk, now))
        progress(counts)
    await sender.deployment.await_quiet()
    await _send_labels(sender, unlabelled, now)
    await sender.deployment.await_quiet()
    return counts


def _take_until(unlabelled: deque[Row], number: int) -> list[Row]:
    """The rows before `number`, taken from the queue of those whose labels have not been sent yet."""
    due = []
    while unlabelled and unlabelled[0].number < number:
        due.append(unlabelled.popleft())
    return due


async def _send_labels(sender: ReplaySender, rows: Iterable[Row], now: datetime) -> None:
    """Send the labels of rows, each after the row's prediction or rejection."""
    remaining = iter(rows)
    while batch := list(islice(remaining, LABELS_PER_REQUEST)):
        await sender.deployment.await_answers([row.id for row in batch])
        await sender.send_labels(batch, now)
