"""What the champion's age is forecast to cost, and when a training is worth its price."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.training import AgeLoss
from penstock.retrain_trigger.age_cost import AgeCost, age_cost
from penstock.retrain_trigger.stream_state import StreamState
from penstock.retrain_trigger.training_work import training_work

from .conftest import age_loss, declared, ended, promoted, statistics
from .simulated_stream import SimulatedStream

LONG = 12_000  # outcomes
USUAL = ["linear", "boosting", "additive"]
rates = st.floats(-0.01, 0.01)


def state_after(*runs: tuple[AgeLoss, ...]) -> StreamState:
    stream = SimulatedStream(RetrainDeclaration(growth=1.5, price=1e9))
    for number, ages in enumerate(runs):
        (request,) = stream.apply(statistics(500 * 2**number), trained=False)
        stream.state.apply(ended(request, gain=0.1, ages=ages))
    return stream.state


def estimate_after(*runs: tuple[AgeLoss, ...]) -> AgeCost:
    estimate = age_cost(state_after(*runs))
    assert estimate is not None
    return estimate


def simulate(stream: SimulatedStream, until: int = LONG) -> list[int]:
    """Where the data of each run ended, on a stream of blocks of 100 outcomes."""
    stream.state.apply(declared())
    for stop in range(100, until + 1, 100):
        stream.apply(statistics(stop))
    return [request.until for request in stream.issued]


def test_without_evidence_there_is_no_estimate() -> None:
    assert age_cost(state_after()) is None
    assert age_cost(state_after(())) is None


@given(rates)
def test_the_rate_is_what_older_models_lost_more(rate: float) -> None:
    estimate = estimate_after(tuple(age_loss(age, rate * age) for age in (2000, 4000)))
    assert estimate.rate == pytest.approx(rate, rel=0.01)


@given(rates, st.floats(1e-9, 1e9), st.floats(0.001, 1.0))
def test_it_knows_no_unit_of_the_loss(rate: float, unit: float, error: float) -> None:
    def ages(unit: float) -> tuple[AgeLoss, ...]:
        return tuple(age_loss(age, rate * age * unit, error * unit, unit) for age in (125, 250))

    assert estimate_after(ages(unit)).rate == pytest.approx(estimate_after(ages(1.0)).rate)


def test_what_is_uncertain_counts_little() -> None:
    clear, noisy = age_loss(250, 0.0), age_loss(250, 1.0, error=1.0)
    assert abs(estimate_after((clear, noisy)).rate) < 1e-5


def test_the_newest_run_counts_most() -> None:
    older, newer = (age_loss(1000, 1.0),), (age_loss(1000, 0.0),)
    assert estimate_after(newer, older).rate > 1.9 * estimate_after(older, newer).rate


def test_a_world_that_stands_still_is_trained_for_when_the_data_have_doubled() -> None:
    assert simulate(SimulatedStream(RetrainDeclaration())) == [500, 1000, 2000, 4000, 8000]


def test_runs_lie_as_far_apart_as_balances_age_and_price() -> None:
    aging, policy = 4e-5, RetrainDeclaration()
    untils = simulate(SimulatedStream(policy, aging=aging))
    for before, until in pairwise(until for until in untils if until > 4000):
        best = sqrt(2 * policy.price * training_work(USUAL, until) / aging)
        assert best - 100 <= until - before <= best + 200, "blocks of 100 outcomes"


@pytest.mark.parametrize(("cheaper", "dearer"), [(0.0, 0.003), (0.003, 0.03), (0.03, 10.0)])
def test_a_higher_price_means_fewer_runs(cheaper: float, dearer: float) -> None:
    runs = [
        len(simulate(SimulatedStream(RetrainDeclaration(price=price, growth=100), aging=4e-5)))
        for price in (cheaper, dearer)
    ]
    assert runs[0] > runs[1]


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 1.0), st.sampled_from([0.1, -0.1]))
def test_all_runs_together_learn_from_each_outcome_ten_times_at_most(aging: float, gain: float) -> None:
    untils = simulate(SimulatedStream(RetrainDeclaration(price=0), gain, aging=aging))
    work = sum(training_work(USUAL, until) for until in untils)
    assert work <= 10 * training_work(USUAL, LONG) + 2 * training_work(USUAL, LONG), "ten times, and for growth"


def test_the_age_of_a_baseline_is_not_counted() -> None:
    assert simulate(SimulatedStream(RetrainDeclaration(), gain=-0.1, aging=0.01))[1] == 1000


def test_an_older_champion_costs_more_than_one_just_trained() -> None:
    stream = SimulatedStream(RetrainDeclaration(growth=100), aging=4e-5)
    stream.state.apply(declared())
    stream.apply(statistics(4000))
    (first,) = stream.issued
    stream.gain = -0.1
    kept_back = stream.apply(*(statistics(stop) for stop in range(4100, 7100, 100)))
    assert len(kept_back) >= 2, "kept back, the champion grows older, and the next is due sooner"
    gaps = [after.until - before.until for before, after in pairwise([first, *kept_back])]
    assert gaps == sorted(gaps, reverse=True)
    stream.state.apply(promoted(kept_back[-1], 9))
    assert stream.apply(statistics(kept_back[-1].until + gaps[-1])) == []
