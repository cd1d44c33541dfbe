"""Where a training may begin to learn: at the newest settled change, and at earlier ones beside it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.retrain_trigger.change_points import MAX_STARTS

from .conftest import drift, ended, statistics
from .simulated_stream import SimulatedStream

POLICY = RetrainDeclaration(first_after=500, cooldown=1000, settle=400, growth=100, fresh=0)


def test_since_keeps_up_with_a_stream_that_drifts_more_often_than_it_is_trained() -> None:
    """With a drift every 300 outcomes and a training every 1,000, the oldest unanswered one was ever further behind."""
    stream = SimulatedStream(POLICY)
    for outcomes in range(500, 20_000, 100):
        stream.apply(statistics(outcomes), *([drift(outcomes)] if outcomes % 300 == 0 else []))
    assert len(stream.issued) > 15
    assert all(400 <= request.until - request.since < 700 for request in stream.issued[1:])


def test_earlier_changes_compete_and_the_newest_is_named() -> None:
    stream = SimulatedStream(POLICY)
    stream.apply(statistics(500), *(drift(outcomes) for outcomes in (600, 3000, 4000, 4500, 4700)), statistics(5000))
    request = stream.issued[-1]
    assert (request.since, request.earlier_changes) == (4500, (4000, 3000))


def test_a_change_that_has_not_settled_waits_for_the_next_training() -> None:
    stream = SimulatedStream(POLICY)
    (_, request) = stream.apply(statistics(500), drift(1300), drift(1600), statistics(1700))
    assert (request.reason, request.since) == ("drift", 1300)
    (request,) = stream.apply(statistics(2700))
    assert (request.reason, request.since, request.earlier_changes) == ("drift", 1600, ())


@given(st.lists(st.integers(501, 9000), min_size=1, max_size=30))
def test_starts_are_few_and_each_leaves_twice_as_many_outcomes(outcomes: list[int]) -> None:
    stream = SimulatedStream(POLICY)
    (first,) = stream.apply(statistics(500), trained=False)
    stream.apply(*(drift(count, name=f"-{n}") for n, count in enumerate(outcomes)), statistics(9400), trained=False)
    (request,) = stream.apply(ended(first), trained=False)
    starts = [request.since, *request.earlier_changes]
    assert request.since == max(outcomes)
    assert len(starts) <= MAX_STARTS
    assert set(starts) <= set(outcomes)
    assert all(request.until - later >= 2 * (request.until - newer) for newer, later in itertools.pairwise(starts))


def test_a_change_whose_model_was_kept_back_is_trained_for_again_with_twice_the_outcomes() -> None:
    stream = SimulatedStream(POLICY.model_copy(update={"cooldown": 300}), gain=0)
    stream.apply(statistics(500), drift(1000), statistics(1400))
    assert (stream.issued[-1].until, stream.issued[-1].since) == (1400, 1000)
    assert stream.apply(statistics(1700)) == []
    stream.apply(statistics(1800), statistics(2000))
    assert [(request.reason, request.until, request.since) for request in stream.issued[2:]] == [("drift", 2000, 1000)]
    promoted = SimulatedStream(POLICY.model_copy(update={"cooldown": 300}), gain=0.1)
    promoted.apply(statistics(500), drift(1000), statistics(1400), statistics(4000))
    assert len(promoted.issued) == 2


@pytest.mark.parametrize("kind", ["feature", "missing", "category", "range", "rows"])
def test_a_drift_of_what_events_hold_is_trained_for_if_that_is_declared(kind: str) -> None:
    of_events = drift(1000, "suspected").model_copy(update={"kind": kind})
    declared = SimulatedStream(POLICY.model_copy(update={"feature_drift": True}))
    declared.apply(statistics(500), of_events, statistics(1500))
    assert [(request.reason, request.since) for request in declared.issued[1:]] == [("drift", 1000)]
    usual = SimulatedStream(POLICY)
    usual.apply(statistics(500), of_events, drift(1000, "suspected", "-loss"), statistics(1500))
    assert len(usual.issued) == 1
