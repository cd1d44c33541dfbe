"""A change is trained for as soon as it has cost what a training costs, without a cooldown; a slight one waits."""

from __future__ import annotations

from itertools import pairwise

import pytest

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.training import TrainingRequest
from penstock.retrain_trigger.change_cost import change_cost

from .conftest import drift, statistics
from .simulated_stream import SimulatedStream

CHANGE = 4000


def simulate(accuracy_after: float, gain: float, until: int, price: float = 0.003) -> list[TrainingRequest]:
    """The runs after a confirmed change of a stream whose answers are right in 8 of 10 cases before it."""
    stream = SimulatedStream(RetrainDeclaration(price=price, growth=100), gain=gain)
    for stop in range(100, until + 1, 100):
        stream.apply(statistics(stop, score=0.8 if stop <= CHANGE else accuracy_after))
        if stop == CHANGE:
            stream.apply(drift(CHANGE))
    return [request for request in stream.issued if request.until > CHANGE]


def test_what_costs_much_is_trained_for_at_once() -> None:
    (request,) = simulate(accuracy_after=0.1, gain=0.1, until=4200)
    assert (request.reason, request.until, request.since) == ("drift", 4200, CHANGE)


def test_what_costs_little_waits_for_settling_and_the_cooldown() -> None:
    request = simulate(accuracy_after=0.79, gain=0.1, until=6000)[0]
    assert request.until == 4400


@pytest.mark.parametrize("gain", [0.1, -0.1])
def test_while_it_costs_much_each_run_has_twice_the_outcomes_whether_or_not_its_model_serves(gain: float) -> None:
    requests = simulate(accuracy_after=0.1, gain=gain, until=9000)
    assert [request.until for request in requests] == [4200, 4400, 4800, 5600, 7200]
    assert all(after.until - CHANGE >= 2 * (before.until - CHANGE) for before, after in pairwise(requests))


def test_once_answers_are_as_good_as_before_it_is_over() -> None:
    stream = SimulatedStream(RetrainDeclaration(growth=100))
    for stop in range(100, 9100, 100):
        stream.apply(statistics(stop, score=0.1 if CHANGE < stop <= 4200 else 0.8))
        if stop == CHANGE:
            stream.apply(drift(CHANGE))
    assert [request.until for request in stream.issued if request.until > CHANGE] == [4200]


def test_where_trainings_are_dear_it_settles_first() -> None:
    dear = simulate(accuracy_after=0.1, gain=0.1, until=4600, price=0.3)[0]
    assert dear.until == 4400


def test_the_cost_is_counted_in_mean_losses_of_before_since_the_last_training() -> None:
    stream = SimulatedStream(RetrainDeclaration(growth=100))
    change = drift(CHANGE)
    for stop in range(100, 4400, 100):
        stream.apply(statistics(stop, score=0.8 if stop <= CHANGE else 0.6))
    assert change_cost(stream.state, change) == pytest.approx(300)
    assert change_cost(stream.state, drift(4300)) == 0


def test_a_run_in_vain_doubles_what_the_next_one_must_be_worth() -> None:
    """Two errors more in a hundred answers are a tenth of a mean loss each."""
    served, kept_back = (simulate(accuracy_after=0.78, gain=gain, until=6000) for gain in (0.1, -0.1))
    assert [request.until for request in served[:3]] == [4300, 4600, 5200]
    assert [request.until for request in kept_back[:3]] == [4300, 4800, 5800]
