"""Imported history: it becomes outcomes, and neither waiting nor judging takes any notice of it."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from penstock.bus.state.state import MemoryStateStore, State
from penstock.contracts.topics import EVENTS, PREDICTIONS
from penstock.drift_detector.join.partition_join import Join

from .test_stream import Owner, answers, errors


def history(make: Any, number: int, minute: float, **attributes: Any) -> Any:
    return replace(make.event(number, minute), label="1", source="import/power", **attributes)


def imported(make: Any, number: int) -> Any:
    outcome = make.outcome(number)
    data = replace(outcome.data, prediction=UNSET, status="imported")
    return replace(outcome, source="import/power#outcome", data=data)


def test_an_event_that_brings_its_label_is_an_outcome_at_once(make: Any) -> None:
    join = Join(State(MemoryStateStore()), lambda _: None)
    known_at = make.start + timedelta(minutes=30)
    joined, fresh = join.events(make.batch(EVENTS, [history(make, 1, 5, labeltime=known_at), make.event(2, 6)]))
    (outcome,) = joined.records
    assert (outcome.source, outcome.id, outcome.data.status) == ("import/power#outcome", "e1", "imported")
    assert (outcome.data.label, outcome.data.label_time, outcome.data.entity) == ("1", known_at, "a")
    assert (joined.keys, joined.causes, fresh) == ([b"a"], [0], [1])


def test_history_moves_no_watermark(make: Any) -> None:
    join = Join(State(MemoryStateStore()), lambda _: None)
    join.events(make.batch(EVENTS, [make.event(1, 0)]))
    join.predictions(make.batch(PREDICTIONS, [make.prediction(1)]))
    joined, _ = join.events(make.batch(EVENTS, [history(make, 2, 10_000)], first=1))
    assert [one.data.status for one in joined.records] == ["imported"]
    joined, _ = join.events(make.batch(EVENTS, [make.event(3, 10_000)], first=2))
    assert [one.data.status for one in joined.records] == ["expired"]


@pytest.mark.parametrize("seed", [1, 2])
def test_history_before_or_among_outcomes_changes_no_figure(make: Any, seed: int) -> None:
    chance = random.Random(seed)
    live = answers(make, [*errors(0.1, 900, seed), *errors(0.7, 600, seed)])
    alone, mixed = Owner(make, make.declared()), Owner(make, make.declared())
    past = [imported(make, number) for number in range(1000)]
    for start in range(0, 1500, 100):
        alone.outcomes(live[start : start + 100])
    mixed.outcomes(past[:700])
    mixed.outcomes(past[700:])
    assert not any(mixed.written.values())
    for start in range(0, 1500, 100):
        mixed.outcomes(live[start : start + 100])
        if chance.random() < 0.3:
            mixed.outcomes([imported(make, 5000 + start + n) for n in range(100)])
    for kind in ("statistics", "drift", "alerts"):
        assert mixed.written[kind], kind
        assert list(map(figures, mixed.written[kind])) == list(map(figures, alone.written[kind]))


def figures(record: Any) -> dict[str, Any]:
    """What the record says, but for where in the log that was."""
    return record.model_dump(exclude={"id", "cause", "start", "stop", "outcomes", "message"})
