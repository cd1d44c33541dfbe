"""The triggers, alone and combined."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.monitoring import EstimatedScore
from penstock.retrain_trigger.stream_state import StreamRecord

from .conftest import at, declared, drift, ended, statistics
from .simulated_stream import SimulatedStream

CALM: dict[str, Any] = {"cooldown": 0, "settle": 0, "fresh": 0, "growth": 100.0}


def after_the_first(**retrain: Any) -> SimulatedStream:
    """A stream whose first model was trained on 500 outcomes."""
    stream = SimulatedStream(RetrainDeclaration(**{**CALM, **retrain}))
    assert [request.reason for request in stream.apply(statistics(500))] == ["first"]
    return stream


def reasons(stream: SimulatedStream, *records: StreamRecord) -> list[str]:
    return [request.reason for request in stream.apply(*records)]


def test_a_declared_number_of_outcomes_calls_for_a_run() -> None:
    stream = after_the_first(every=300)
    assert reasons(stream, statistics(799)) == []
    assert reasons(stream, statistics(800)) == ["volume"]
    assert reasons(stream, statistics(1099)) == []


@pytest.mark.parametrize(("bound", "good", "bad"), [({"below": 0.6}, 0.61, 0.55), ({"above": 0.6}, 0.59, 0.65)])
def test_a_score_beyond_what_was_declared_calls_for_a_run(bound: dict[str, float], good: float, bad: float) -> None:
    stream = after_the_first(over=2, **bound)
    assert reasons(stream, statistics(600, bad)) == [], "one of two statistics"
    assert reasons(stream, statistics(700, good + good - bad)) == [], "their mean is on the good side"
    assert reasons(stream, statistics(800, bad), statistics(900, bad)) == ["performance"]
    assert reasons(stream, statistics(1000, bad)) == [], "those before the training say nothing of its model"


def test_an_estimate_calls_for_a_run_before_the_labels_do() -> None:
    stream = after_the_first(below=0.6, over=1, judged_by="estimate")
    assert reasons(stream, statistics(600, 0.1)) == [], "nothing was estimated"
    estimate = EstimatedScore(score=0.5, answers=100)
    assert reasons(stream, statistics(700).model_copy(update={"estimate": estimate})) == ["performance"]


def test_a_new_declaration_calls_for_a_run_once_there_are_outcomes_under_it() -> None:
    stream = after_the_first(settle=200)
    assert reasons(stream, declared(1), declared(600, fields=("load", "wind")), statistics(700)) == []
    assert stream.decision().reason == "settling"
    (request,) = stream.apply(statistics(800), trained=False)
    assert request.reason == "declaration"
    assert reasons(stream, ended(request, schema_version=600), statistics(2000)) == [], "it has been learnt"


def test_a_declaration_with_the_same_fields_and_label_calls_for_nothing() -> None:
    stream = after_the_first()
    assert reasons(stream, declared(1), declared(2, cooldown=7), statistics(1000)) == []


def test_all_that_are_declared_must_speak() -> None:
    stream = after_the_first(on=("drift",), every=300, combine="all")
    assert reasons(stream, statistics(900)) == []
    assert stream.decision().reason == "outvoted"
    (request,) = stream.apply(drift(910))
    assert request.reason == "drift"
    assert "outcomes since the last training" in request.detail


def test_a_vote_is_won_by_as_many_as_it_needs() -> None:
    stream = after_the_first(on=("drift", "growth"), every=300, growth=2.0, combine="vote", needs=2)
    assert reasons(stream, drift(700)) == []
    assert reasons(stream, statistics(800)) == ["drift"]


def test_a_vote_that_nobody_can_win_is_refused() -> None:
    with pytest.raises(ValidationError, match="a vote needs 3"):
        RetrainDeclaration(on=("drift",), every=10, combine="vote", needs=3)


def test_the_calendar_asks_only_with_the_others_where_all_must_speak() -> None:
    stream = after_the_first(on=("drift",), cron="0 0 * * *", combine="all")
    assert reasons(stream, drift(700)) == []
    assert stream.fired(at(800)) is not None
    without_drift = after_the_first(on=("drift",), cron="0 0 * * *", combine="all")
    without_drift.apply(statistics(700))
    assert without_drift.fired(at(800)) is None


@pytest.mark.parametrize(
    ("policy", "records", "reason"),
    [
        ({}, [statistics(600)], "nothing"),
        ({"settle": 400}, [drift(700)], "settling"),
        ({"cooldown": 400}, [drift(700)], "cooling"),
        ({"fresh": 0.5}, [drift(700)], "stale"),
    ],
)
def test_a_decision_to_wait_has_its_reason(policy: dict[str, Any], records: list[StreamRecord], reason: str) -> None:
    stream = after_the_first(**policy)
    stream.apply(*records)
    assert stream.decision().reason == reason


def test_before_the_first_and_during_a_run_there_is_a_reason_too() -> None:
    stream = SimulatedStream(RetrainDeclaration(**CALM))
    stream.apply(statistics(499))
    assert stream.decision().reason == "too-few"
    stream.apply(statistics(500), drift(700), trained=False)
    assert stream.decision().reason == "under-way"
