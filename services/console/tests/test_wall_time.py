"""Replay on wall time: a label is never sent before its row was predicted, nor before it is due."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.console.record_refusal import RecordRefusal
from penstock.console.replay.rows.labelled_rows import Row, event_body, label_body
from penstock.console.replay.stream_time import ReplayProgress, ReplaySender
from penstock.console.replay.wall_time import LARGEST_REQUEST, replay_in_wall_time
from penstock.console.replay.watch.stream_watch import StreamWatch

START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Rows:
    """That many rows, a minute apart."""

    count: int

    def rows(self) -> Iterator[Row]:
        """Row n has the id `n`."""
        for number in range(self.count):
            time = START + timedelta(minutes=number)
            yield Row(number, str(number), time, None, event_body("test", str(number), time, {}), 1.0)

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The label record."""
        return label_body("test", row, known_at)


@dataclass
class SlowDeployment:
    """A deployment that predicts `rows_late` rows late, and its own watch."""

    rows_late: int
    events: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    newest_at_label: list[int] = field(default_factory=list)
    predictions: int = 0

    async def send(
        self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime
    ) -> list[RecordRefusal]:
        """Take the records; no label may come before the prediction of its row."""
        del now
        for document in map(json.loads, bodies):
            if kind == "event":
                self.events.append(int(document["id"]))
                continue
            row = int(document["data"]["event_id"])
            assert row < self.predictions
            self.labels.append(row)
            self.newest_at_label.append(self.events[-1])
        return []

    async def poll(self) -> None:
        """Predict a little more."""
        self.predictions = max(self.predictions, len(self.events) - self.rows_late)

    def unanswered(self, ids: Collection[str]) -> list[str]:
        """Those that are not predicted yet."""
        return [name for name in ids if int(name) >= self.predictions]

    async def await_answers(self, ids: Sequence[str]) -> None:
        """Predict everything."""
        self.predictions = max([self.predictions, *(int(name) + 1 for name in ids)])

    async def await_quiet(self) -> None:
        """Nothing is under way."""


async def run(count: int, delay: int, rows_late: int, rate: float | None) -> tuple[SlowDeployment, ReplayProgress]:
    """Replay into a slow deployment."""
    slow = SlowDeployment(rows_late)
    watch = cast("StreamWatch", cast("Any", slow))
    sent = await replay_in_wall_time(ReplaySender(Rows(count), slow), watch, delay, rate, lambda _: None)
    return slow, sent


@settings(max_examples=15, deadline=None)
@given(count=st.integers(0, 3500), delay=st.integers(0, 2500), rows_late=st.integers(0, 2500))
async def test_each_row_and_each_label_is_sent_once_when_due_and_predicted(
    count: int, delay: int, rows_late: int
) -> None:
    slow, sent = await run(count, delay, rows_late, rate=1e7)
    assert slow.events == slow.labels == list(range(count))
    assert (sent.events, sent.labels) == (count, count)
    last = count - 1
    assert all(
        newest >= row + delay or newest == last for row, newest in zip(slow.labels, slow.newest_at_label, strict=True)
    )


async def test_at_full_speed_rows_are_sent_in_large_requests() -> None:
    slow, sent = await run(2 * LARGEST_REQUEST + 1, delay=10, rows_late=0, rate=None)
    assert sent.labels == len(slow.events) == 2 * LARGEST_REQUEST + 1
