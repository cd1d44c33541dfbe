"""Replay on wall time: a label is never sent before its row was answered, nor before it is due."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.console.replay.feed import Row, event_body, label_body
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.console.replay.stream_time import Sent
from penstock.console.replay.wall_time import LARGEST_SEND, replay_at

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
        """As every feed's."""
        return label_body("test", row, known_at)


@dataclass
class Slow:
    """A deployment that answers `lag` rows late, and is its own watch."""

    lag: int
    events: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    newest_at_label: list[int] = field(default_factory=list)
    answers: int = 0

    @property
    def watch(self) -> Slow:
        """Itself."""
        return self

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime) -> int:
        """Take the records; a label whose row is unanswered must not come."""
        del now
        for document in map(json.loads, bodies):
            if kind == "event":
                self.events.append(int(document["id"]))
                continue
            row = int(document["data"]["event_id"])
            assert row < self.answers
            self.labels.append(row)
            self.newest_at_label.append(self.events[-1])
        return 0

    async def look(self) -> None:
        """Answer a little more."""
        self.answers = max(self.answers, len(self.events) - self.lag)

    def unanswered(self, ids: Collection[str]) -> list[str]:
        """Those that are not answered yet."""
        return [name for name in ids if int(name) >= self.answers]

    async def answered(self, ids: Sequence[str]) -> None:
        """Answer everything."""
        self.answers = max([self.answers, *(int(name) + 1 for name in ids)])

    async def quiet(self) -> None:
        """Nothing is under way."""


async def run(count: int, delay: int, lag: int, rate: float | None) -> tuple[Slow, Sent]:
    """Replay into a slow deployment."""
    slow = Slow(lag)
    sent = await replay_at(Rows(count), cast("LiveDeployment", cast("Any", slow)), delay, rate, lambda _: None)
    return slow, sent


@settings(max_examples=15, deadline=None)
@given(count=st.integers(0, 3500), delay=st.integers(0, 2500), lag=st.integers(0, 2500))
async def test_each_row_and_each_label_is_sent_once_when_due_and_answered(count: int, delay: int, lag: int) -> None:
    slow, sent = await run(count, delay, lag, rate=1e7)
    assert slow.events == slow.labels == list(range(count))
    assert (sent.events, sent.labels) == (count, count)
    last = count - 1
    assert all(
        newest >= row + delay or newest == last for row, newest in zip(slow.labels, slow.newest_at_label, strict=True)
    )


async def test_at_full_speed_rows_go_in_large_sends() -> None:
    slow, sent = await run(2 * LARGEST_SEND + 1, delay=10, lag=0, rate=None)
    assert sent.labels == len(slow.events) == 2 * LARGEST_SEND + 1
