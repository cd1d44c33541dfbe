"""Imported history becomes outcomes, and neither the join nor quality and drift take it into account."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.contracts.topics import EVENTS, PREDICTIONS
from penstock.drift_detector.join.partition_join import PartitionJoin

from .stream_unit import StreamUnit, outcomes_of, random_errors


def history(make: Any, number: int, minute: float, **attributes: Any) -> Any:
    return replace(make.event(number, minute), label="1", source="import/power", **attributes)


def imported_outcome(make: Any, number: int) -> Any:
    outcome = make.outcome(number)
    data = replace(outcome.data, prediction=UNSET, status="imported")
    return replace(outcome, source="import/power#outcome", data=data)


def test_an_event_that_brings_its_label_is_an_outcome_at_once(make: Any) -> None:
    join = PartitionJoin(State(MemoryStateStore()))
    label_time = make.start + timedelta(minutes=30)
    result, new = join.add_events(make.batch(EVENTS, [history(make, 1, 5, labeltime=label_time), make.event(2, 6)]))
    (outcome,) = result.outcomes
    assert (outcome.source, outcome.id, outcome.data.status) == ("import/power#outcome", "e1", "imported")
    assert (outcome.data.label, outcome.data.label_time, outcome.data.entity) == ("1", label_time, "a")
    assert (result.keys, result.causes, new) == ([b"a"], [0], [1])


def test_history_moves_no_watermark(make: Any) -> None:
    join = PartitionJoin(State(MemoryStateStore()))
    join.add_events(make.batch(EVENTS, [make.event(1, 0)]))
    join.add_predictions(make.batch(PREDICTIONS, [make.prediction(1)]))
    result, _ = join.add_events(make.batch(EVENTS, [history(make, 2, 10_000)], first=1))
    assert [outcome.data.status for outcome in result.outcomes] == ["imported"]
    result, _ = join.add_events(make.batch(EVENTS, [make.event(3, 10_000)], first=2))
    assert [outcome.data.status for outcome in result.outcomes] == ["expired"]


@pytest.mark.parametrize("seed", [1, 2])
def test_history_before_or_among_outcomes_changes_no_record(make: Any, seed: int) -> None:
    chance = random.Random(seed)
    live = outcomes_of(make, [*random_errors(0.1, 900, seed), *random_errors(0.7, 600, seed)])
    alone, mixed = StreamUnit(make, make.declared()), StreamUnit(make, make.declared())
    past = [imported_outcome(make, number) for number in range(1000)]
    for start in range(0, 1500, 100):
        alone.outcomes(live[start : start + 100])
    mixed.outcomes(past[:700])
    mixed.outcomes(past[700:])
    assert not any(mixed.written.values())
    for start in range(0, 1500, 100):
        mixed.outcomes(live[start : start + 100])
        if chance.random() < 0.3:
            mixed.outcomes([imported_outcome(make, 5000 + start + n) for n in range(100)])
    for kind in ("statistics", "drift", "alerts"):
        assert mixed.written[kind], kind
        assert list(map(without_position, mixed.written[kind])) == list(map(without_position, alone.written[kind]))


def without_position(record: Any) -> dict[str, Any]:
    """A record without its place in the log."""
    return record.model_dump(exclude={"id", "cause", "start", "stop", "outcomes", "message"})
