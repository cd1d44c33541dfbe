"""Event, prediction and label find each other in any order, and every event ends exactly once."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from itertools import groupby
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.records.outcomes import Outcome, outcome_type
from penstock.contracts.topics import EVENTS, LABELS, PREDICTIONS
from penstock.drift_detector.join.partition_join import JoinResult, PartitionJoin

History = list[tuple[Any, Any]]


class JoinUnit:
    """The join of a partition on a store; `reopen` reads the state again, as after a restart."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.store = MemoryStateStore()
        self.outcomes: list[bytes] = []
        self.unmet = 0
        self.offsets: Counter[Any] = Counter()
        self.reopen()

    def reopen(self) -> None:
        self.state = State(self.store)
        self.join = PartitionJoin(self.state)

    def handle(self, topic: Any, records: list[Any], write: bool = True) -> list[bytes]:
        batch = self.make.batch(topic, records, first=self.offsets[topic])
        result = {EVENTS: self._events, PREDICTIONS: self.join.add_predictions, LABELS: self.join.add_labels}[topic](
            batch
        )
        written = [encode(record) for record in result.outcomes]
        if write:
            self.unmet += result.unmet
            self.offsets[topic] += len(records)
            self.outcomes += written
            self.state.write(self.state.take_changes(), {})
        return written

    def _events(self, batch: Any) -> JoinResult:
        return self.join.add_events(batch)[0]

    def read(self) -> list[Outcome[Any]]:
        decode = msgspec.json.Decoder(outcome_type(dict[str, Any])).decode
        return [decode(outcome) for outcome in self.outcomes]

    @property
    def pending(self) -> int:
        return len(list(self.store.scan(b"j")))


@st.composite
def histories(draw: st.DrawFn, make: Any) -> History:
    """Events with their predictions and labels, some late, missing, repeated or corrected, in any order."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    history: History = []
    for number in range(draw(st.integers(1, 12))):
        minute = number * 10 + chance.uniform(-30, 30)
        event = make.event(number, minute)
        history += [(EVENTS, event)] * chance.choice([1, 1, 1, 2])
        history += [(PREDICTIONS, make.prediction(number, minute))] * chance.choice([1, 1, 1, 2])
        for revision in range(chance.choice([0, 1, 1, 2])):
            history.append((LABELS, make.label(number, minute + chance.uniform(0, 90), str(revision % 2), revision)))
    chance.shuffle(history)
    return history


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_outcomes_do_not_depend_on_batches_and_crashes(make: Any, data: st.DataObject) -> None:
    history = data.draw(histories(make))
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    one_by_one, in_batches = JoinUnit(make), JoinUnit(make)
    for topic, record in history:
        one_by_one.handle(topic, [record])
    for topic, run in groupby(history, key=lambda item: item[0]):
        records = [record for _, record in run]
        while records:
            size = chance.randint(1, len(records))
            if chance.random() < 0.5:
                lost = in_batches.handle(topic, records[:size], write=False)
                in_batches.reopen()
                before = len(in_batches.outcomes)
                in_batches.handle(topic, records[:size])
                assert in_batches.outcomes[before:] == lost
            else:
                in_batches.handle(topic, records[:size])
            records = records[size:]
    assert in_batches.outcomes == one_by_one.outcomes


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_every_event_ends_exactly_once(make: Any, data: st.DataObject) -> None:
    history = data.draw(histories(make))
    unit = JoinUnit(make)
    revisions_by_event: dict[str, set[int]] = {}
    for topic, record in history:
        unit.handle(topic, [record])
    unit.handle(EVENTS, [make.event(1000, 100_000)])
    for outcome in unit.read():
        revisions = revisions_by_event.setdefault(outcome.id, set())
        assert outcome.data.revision not in revisions
        assert not revisions or outcome.data.status == "joined"
        revisions.add(outcome.data.revision)
    assert set(revisions_by_event) == {record.id for topic, record in history if topic is EVENTS}
    assert unit.pending == 1


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_the_order_of_topics_does_not_matter_within_the_horizon(make: Any, data: st.DataObject) -> None:
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    history: History = [
        item
        for number in range(5)
        for item in (
            (EVENTS, make.event(number, number)),
            (PREDICTIONS, make.prediction(number, number)),
            (LABELS, make.label(number, number + 1)),
        )
    ]
    ordered, shuffled = JoinUnit(make), JoinUnit(make)
    for topic, record in history:
        ordered.handle(topic, [record])
    chance.shuffle(history)
    for topic, record in history:
        shuffled.handle(topic, [record])
    assert sorted(shuffled.outcomes) == sorted(ordered.outcomes)
    assert len(ordered.outcomes) == 5


def test_an_outcome_holds_event_prediction_and_label(make: Any) -> None:
    unit = JoinUnit(make)
    unit.handle(LABELS, [make.label(1, 7, value=True)])
    unit.handle(PREDICTIONS, [make.prediction(1, 2, "0", epoch=4), make.prediction(1, 2, "1", epoch=5)])
    unit.handle(EVENTS, [make.event(1, 2, load=3.5)])
    (outcome,) = unit.read()
    assert (outcome.source, outcome.id, outcome.time) == ("grid#outcome", "e1", make.start + timedelta(minutes=2))
    assert outcome.data.fields == {"meter": "a", "load": 3.5}
    assert (outcome.data.prediction.value, outcome.data.prediction.epoch) == ("0", 4)
    assert (outcome.data.label, outcome.data.status, outcome.data.entity) == ("true", "joined", "a")
    assert outcome.data.label_time == make.start + timedelta(minutes=7)


def test_a_higher_revision_is_a_new_outcome_and_no_other_is(make: Any) -> None:
    unit = JoinUnit(make)
    unit.handle(EVENTS, [make.event(1)])
    unit.handle(PREDICTIONS, [make.prediction(1)])
    unit.handle(LABELS, [make.label(1, revision=revision) for revision in (0, 0, 2, 1, 2, 3)])
    assert [outcome.data.revision for outcome in unit.read()] == [0, 2, 3]


def test_without_a_label_it_expires_at_the_horizon_and_later_labels_are_counted(make: Any) -> None:
    unit = JoinUnit(make)
    unit.handle(EVENTS, [make.event(1, 0)])
    unit.handle(PREDICTIONS, [make.prediction(1, 0)])
    unit.handle(EVENTS, [make.event(2, 60)])
    assert unit.outcomes == []
    unit.handle(EVENTS, [make.event(3, 60.1)])
    (outcome,) = unit.read()
    assert (outcome.data.status, outcome.data.label, outcome.id) == ("expired", None, "e1")
    unit.handle(LABELS, [make.label(1, 61)])
    unit.handle(EVENTS, [make.event(4, 122)])
    assert (len(unit.outcomes), unit.unmet) == (1, 1)


def test_an_event_waits_for_its_late_prediction(make: Any) -> None:
    unit = JoinUnit(make)
    unit.handle(EVENTS, [make.event(1, 0), make.event(2, 0), make.event(3, 200)])
    unit.handle(LABELS, [make.label(2, 5)])
    unit.handle(PREDICTIONS, [make.prediction(1, 0), make.prediction(2, 0)])
    assert [(outcome.id, outcome.data.status) for outcome in unit.read()] == [("e1", "expired"), ("e2", "joined")]
    assert unit.pending == 1


def test_equal_ids_of_other_entities_are_other_events(make: Any) -> None:
    unit = JoinUnit(make)
    unit.handle(EVENTS, [make.event(1, meter="a"), make.event(1, meter="b")])
    unit.handle(PREDICTIONS, [make.prediction(1, entity="b")])
    unit.handle(LABELS, [make.label(1, entity="a"), make.label(1, entity="b")])
    assert [outcome.data.entity for outcome in unit.read()] == ["b"]
