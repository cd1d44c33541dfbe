"""What runs may cost together, whatever happens, and how runs that gained nothing delay the next."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.contracts.declaration.model_lifecycle import RetrainDeclaration
from penstock.contracts.records.training import TrainingRequest

from .conftest import at, command, drift, ended, statistics
from .simulated_stream import SimulatedStream

DEFAULT = RetrainDeclaration()
LONG, QUIET = 45_000, 15_900  # outcomes


def simulate(
    stream: SimulatedStream, until: int, alarms: frozenset[int], windowed: bool = False
) -> list[TrainingRequest]:
    """A stream of `until` outcomes in blocks of 100, with a confirmed drift at the blocks `alarms`."""
    for stop in range(100, until + 1, 100):
        records = [statistics(stop), drift(stop)] if stop // 100 in alarms else [statistics(stop)]
        for request in stream.apply(*records, trained=False):
            stream.train(request, learnt_from=(request.since or 0) if windowed else 0)
    return stream.issued


alarms = st.frozensets(st.integers(1, LONG // 100)) | st.just(frozenset(range(LONG // 100 + 1)))
gains = st.sampled_from([0.1, -0.1])


@settings(max_examples=25)
@given(alarms, gains, st.booleans())
def test_there_are_at_most_23_runs_whatever_the_alarms(alarms: frozenset[int], gain: float, windowed: bool) -> None:
    issued = simulate(SimulatedStream(DEFAULT, gain), LONG, alarms, windowed)
    assert len(issued) <= 23
    assert sum(request.until for request in issued) <= 8 * LONG, "what all runs learn from, in rows"


@settings(max_examples=25)
@given(alarms, gains, st.booleans())
def test_a_share_of_what_an_alarm_learns_from_is_new(alarms: frozenset[int], gain: float, windowed: bool) -> None:
    issued = simulate(SimulatedStream(DEFAULT, gain), LONG, alarms, windowed)
    for before, request in pairwise(issued):
        if request.reason == "drift":
            assert request.until - before.until >= max(DEFAULT.cooldown, DEFAULT.fresh * request.until)


@pytest.mark.parametrize("gain", [0.1, -0.1])
def test_a_stream_that_does_not_change_has_at_most_four_runs_after_the_first(gain: float) -> None:
    first, *later = simulate(SimulatedStream(DEFAULT, gain), QUIET, frozenset())
    assert first.reason == "first"
    assert len(later) <= 4
    assert {request.reason for request in later} == {"growth"}


def test_a_change_after_a_long_quiet_time_is_answered_as_soon_as_it_has_settled() -> None:
    issued = simulate(SimulatedStream(DEFAULT), 21_000, frozenset({200}))
    assert (issued[-1].reason, issued[-1].until, issued[-1].since) == ("drift", 20_400, 20_000)


def test_growth_is_by_the_declared_factor_whatever_it_gained() -> None:
    stream = SimulatedStream(RetrainDeclaration(growth=2.0, fresh=0), gain=-0.1)
    runs = [stream.apply(statistics(outcomes)) for outcomes in (500, 1000, 1900, 2000, 4000, 8000)]
    assert [len(requests) for requests in runs] == [1, 1, 0, 1, 1, 1]


def test_the_cooldown_doubles_with_every_drift_that_gained_nothing_up_to_eightfold() -> None:
    stream = SimulatedStream(RetrainDeclaration(cooldown=1000, settle=0, fresh=0, on=("drift",)), gain=-0.1)
    issued = simulate(stream, 40_000, frozenset(range(401)))
    gaps = [after.until - before.until for before, after in pairwise(issued)]
    assert gaps == [1000, 2000, 4000, 8000, 8000, 8000, 8000]


def test_a_drift_that_gained_restores_the_cooldown() -> None:
    stream = SimulatedStream(RetrainDeclaration(cooldown=1000, settle=0, fresh=0, on=("drift",)), gain=-0.1)
    stream.apply(statistics(500), drift(1500))
    stream.gain = 0.1
    (paid,) = stream.apply(drift(3000), statistics(3500))
    (again,) = stream.apply(drift(4000), statistics(4500))
    assert (paid.until, again.until) == (3500, 4500)


def test_when_the_budget_of_a_day_is_used_up_only_a_command_is_obeyed() -> None:
    stream = SimulatedStream(RetrainDeclaration(budget=10.0, cooldown=0, settle=0, fresh=0, on=("drift",)))
    (first,) = stream.apply(statistics(500), trained=False)
    assert stream.apply(ended(first, gain=0.1, seconds=10.0), drift(600)) == []
    assert stream.decision().reason == "budget"
    (request,) = stream.apply(command("c"))
    assert request.reason == "command"
    a_day_later = first.until + int(timedelta(days=1) / (at(1) - at(0)))
    assert stream.apply(drift(a_day_later - 1)) == []
    (request,) = stream.apply(statistics(a_day_later))
    assert request.reason == "drift"
