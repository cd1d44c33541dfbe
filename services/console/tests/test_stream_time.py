"""Replay in stream time: before each row, exactly those labels were sent that would have been known live."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.console.record_refusal import RecordRefusal, RefusalReason
from penstock.console.replay.rows.labelled_rows import Row, event_body, label_body
from penstock.console.replay.stream_time import ReplayProgress, ReplaySender, replay_in_stream_time

START = datetime(2024, 1, 1, tzinfo=UTC)
REASON = RefusalReason("wrong_type", "x", "expected a number")


@dataclass(frozen=True)
class Rows:
    """Rows at these minutes; those in `unlabelled` have no label."""

    minutes: Sequence[int]
    unlabelled: frozenset[int] = frozenset()

    def rows(self) -> Iterator[Row]:
        """Row n has the id `n`."""
        for number, minute in enumerate(self.minutes):
            time = START + timedelta(minutes=minute)
            label = None if number in self.unlabelled else "yes"
            yield Row(number, str(number), time, None, event_body("test", str(number), time, {}), label)

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """The label record."""
        return label_body("test", row, known_at)


@dataclass
class Recorder:
    """A deployment that predicts an event only when it is waited for, and records the order of the calls."""

    refused: frozenset[int] = frozenset()
    calls: list[tuple[str, list[int]]] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    answered_rows: set[int] = field(default_factory=set)

    async def send(
        self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime
    ) -> list[RecordRefusal]:
        """Record what was sent; the events of some rows are refused."""
        documents = [json.loads(body) for body in bodies]
        rows = [int(document["id"] if kind == "event" else document["data"]["event_id"]) for document in documents]
        self.calls.append((kind, rows))
        self.times.append(now)
        return [RecordRefusal(index, REASON) for index, row in enumerate(rows) if row in self.refused]

    async def await_answers(self, ids: Sequence[str]) -> None:
        """Answer them."""
        self.answered_rows.update(map(int, ids))
        self.calls.append(("answered", list(map(int, ids))))

    async def await_quiet(self) -> None:
        """Record the call."""
        self.calls.append(("quiet", []))

    def sent(self, kind: str) -> list[int]:
        """The rows of which such records were sent, in order."""
        return [row for name, rows in self.calls if name == kind for row in rows]


@dataclass(frozen=True)
class FirstRows:
    """An earlier run, which sent the events of the first rows and the labels of fewer."""

    answered: int
    ended: int

    def is_answered(self, record_id: str) -> bool:
        """Whether it is one of them."""
        return int(record_id) < self.answered

    def has_outcome(self, record_id: str) -> bool:
        """Whether its label was sent too."""
        return int(record_id) < min(self.ended, self.answered)


async def run(rows: Rows, delay: int, size: int, earlier: FirstRows | None = None) -> tuple[Recorder, ReplayProgress]:
    """Replay the rows into a recorder."""
    recorder = Recorder()
    sent = await replay_in_stream_time(ReplaySender(rows, recorder, earlier), delay, size, lambda _: None)
    return recorder, sent


COUNT, DELAY, SIZE = st.integers(0, 60), st.integers(0, 25), st.integers(1, 15)


@given(count=COUNT, delay=DELAY, size=SIZE, unlabelled=st.frozensets(st.integers(0, 59)))
async def test_before_the_chunk_at_row_j_the_labels_to_j_minus_delay_minus_1_were_sent(
    count: int, delay: int, size: int, unlabelled: frozenset[int]
) -> None:
    recorder, _ = await run(Rows(range(count), unlabelled), delay, size)
    labels: list[int] = []
    previous = "quiet"
    for name, rows in recorder.calls:
        if name == "event":
            assert labels == [row for row in range(max(0, rows[0] - delay)) if row not in unlabelled]
            assert previous == "quiet"
        labels += rows if name == "label" else []
        previous = name
    assert recorder.sent("event") == list(range(count))
    assert labels == [row for row in range(count) if row not in unlabelled]
    assert previous == "quiet"


@given(count=COUNT, delay=DELAY, size=SIZE)
async def test_no_label_is_sent_before_its_row_was_predicted(count: int, delay: int, size: int) -> None:
    recorder, _ = await run(Rows(range(count)), delay, size)
    answered: set[int] = set()
    for name, rows in recorder.calls:
        if name == "label":
            assert set(rows) <= answered
        answered |= set(rows) if name == "answered" else set()


@given(minutes=st.lists(st.integers(0, 100), max_size=30), delay=DELAY, size=SIZE)
async def test_stream_time_never_goes_back_when_the_rows_do(minutes: list[int], delay: int, size: int) -> None:
    recorder, sent = await run(Rows(minutes), delay, size)
    assert recorder.times == sorted(recorder.times)
    assert (sent.events, sent.labels) == (len(minutes), len(minutes))


@settings(max_examples=50)
@given(count=COUNT, delay=DELAY, size=SIZE, answered=COUNT, ended=COUNT)
async def test_a_resumed_replay_sends_what_an_earlier_run_has_not(
    count: int, delay: int, size: int, answered: int, ended: int
) -> None:
    recorder, sent = await run(Rows(range(count)), delay, size, FirstRows(answered, ended))
    assert recorder.sent("event") == list(range(min(answered, count), count))
    assert recorder.sent("label") == list(range(min(answered, ended, count), count))
    assert (len(sent.rows), sent.events) == (count, count)
    assert sent.is_empty == (min(answered, ended) >= count)


@given(count=COUNT, delay=DELAY, size=SIZE, refused=st.frozensets(st.integers(0, 59)))
async def test_a_refused_row_is_counted_and_nothing_of_it_is_waited_for(
    count: int, delay: int, size: int, refused: frozenset[int]
) -> None:
    recorder = Recorder(refused=refused)
    sent = await replay_in_stream_time(ReplaySender(Rows(range(count)), recorder), delay, size, lambda _: None)
    accepted = [row for row in range(count) if row not in refused]
    assert sent.refusals.count("event") == count - len(accepted)
    assert recorder.sent("answered") == recorder.sent("label") == accepted
