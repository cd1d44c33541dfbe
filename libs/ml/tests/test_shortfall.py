"""Shortfalls: how often still streams raise an alarm, and how soon a model that became worse does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from penstock.ml.drift.loss_sums import LossSums
from penstock.ml.drift.shortfall import ALPHA, MIN_CASES, is_shortfall, joint_log_evidence, log_evidence
from penstock.ml.metrics.confidence_sequences import Moments
from penstock.ml.metrics.objective import Answers, Objective

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]
RUNS = 200


def errors(rate: float) -> Draw:
    return lambda random, count: (random.random(count) < rate).astype(float)


def checks(until: int) -> Iterator[int]:
    n = MIN_CASES
    while n <= until:
        yield n
        n += max(n // 50, 1)


def first_alarm(live: Floats, holdout: Floats) -> float:
    """The outcome of the alarm on one clock, while the other has no evidence yet; infinite without one."""
    reference = Moments.of(holdout.tolist())
    sums, squares = live.cumsum(), (live * live).cumsum()
    for n in checks(len(live)):
        mean = float(sums[n - 1]) / n
        evidence = log_evidence(Moments(n, mean, max(float(squares[n - 1]) - n * mean * mean, 0.0)), reference)
        if is_shortfall(joint_log_evidence(evidence, 0.0), mean, reference.mean):
            return n
    return inf


def alarms(shown: Draw, served: Draw, holdout: int, outcomes: int) -> Floats:
    random = np.random.default_rng(holdout)
    return np.array([first_alarm(served(random, outcomes), shown(random, holdout)) for _ in range(RUNS)])


STILL: dict[str, Draw] = {
    "2 % errors": errors(0.02),
    "50 % errors": errors(0.5),
    "90 % errors": errors(0.9),
    "squared errors": lambda random, count: random.standard_normal(count) ** 2,
    "heavy tails": lambda random, count: random.lognormal(0, 1.5, count),
    "log loss": lambda random, count: -np.log(np.where(random.random(count) < 0.97, 0.97, 0.03)),
}


@pytest.mark.parametrize("holdout", [50, 250, 1000])
def test_still_streams_raise_alarms_at_most_at_the_rate_that_is_stated(holdout: int) -> None:
    found = sum(int(np.isfinite(alarms(draw, draw, holdout, 3000)).sum()) for draw in STILL.values())
    assert found <= ALPHA * RUNS * len(STILL)


@pytest.mark.parametrize(("shown", "served"), [(0.12, 0.42), (0.2, 0.5)])
def test_thirty_points_worse_is_seen_within_a_hundred_outcomes(shown: float, served: float) -> None:
    delays = alarms(errors(shown), errors(served), 1000, 200)
    assert (delays <= 100).mean() >= 0.95
    assert np.median(delays) <= 1.5 * max(30, delay_asked(shown, served))


def test_ten_points_worse_is_seen_as_soon_as_is_asked_where_the_holdout_is_large() -> None:
    for shown, served in ((0.12, 0.22), (0.4, 0.5)):
        delays = alarms(errors(shown), errors(served), 4000, 3000)
        assert np.median(delays) <= 1.5 * delay_asked(shown, served)


def test_a_small_holdout_delays_an_alarm_but_does_not_prevent_a_large_one() -> None:
    delays = alarms(errors(0.12), errors(0.62), 50, 500)
    assert (delays <= 100).mean() >= 0.95


def delay_asked(shown: float, served: float) -> float:
    return 2 * served * (1 - served) * log(1 / ALPHA) / (served - shown) ** 2


def test_a_rise_too_small_to_act_on_is_none_however_certain() -> None:
    assert log_evidence(Moments(10**7, 0.203, 1.6e6), Moments(10**7, 0.2, 1.6e6)) > log(1 / ALPHA)
    assert not is_shortfall(inf, 0.203, 0.2)
    assert is_shortfall(inf, 0.211, 0.2)


def test_losses_that_never_vary_are_evidence_only_where_they_differ() -> None:
    assert log_evidence(Moments(1000, 0.105, 0.0), Moments(50, 0.105, 0.0)) == 0.0
    assert log_evidence(Moments(100, 2.3, 0.0), Moments(50, 0.105, 0.0)) > log(1 / ALPHA)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_two_clocks_that_agree_need_no_more_evidence_than_one(first: float, second: float) -> None:
    joint = joint_log_evidence(first, second)
    assert max(first + log(0.75), second + log(0.25)) - 1e-9 <= joint <= max(first, second) + 1e-9
    assert joint_log_evidence(first, first) == pytest.approx(first)


CASES = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.integers(0, 2)), min_size=1, max_size=60)


@given(CASES, st.integers(0, 60))
def test_groups_weigh_alike_as_the_objective_weighs_classes(cases: list[tuple[float, int]], cut: int) -> None:
    losses, groups = np.array([loss for loss, _ in cases]), np.array([group for _, group in cases])
    first, second = LossSums(), LossSums()
    first.add_all(losses[:cut], groups[:cut])
    second.add_all(losses[cut:], groups[cut:])
    answers = np.where(losses == 1, (groups + 1) % 3, groups).astype(float)
    weighted = Objective("balanced_accuracy", 3).losses(groups.astype(float), Answers(answers))
    expected, moments = Moments.of(weighted.tolist()), (first + second).moments()
    assert (moments.n, moments.mean) == (expected.n, pytest.approx(expected.mean))
    if not groups.any():
        assert moments.squares == pytest.approx(expected.squares, abs=1e-6)


@pytest.mark.parametrize(("share", "holdout"), [(0.05, 250), (0.05, 1000), (0.01, 250)])
def test_balanced_errors_of_rare_positives_raise_no_alarm_until_recall_falls(share: float, holdout: int) -> None:
    random = np.random.default_rng(holdout)
    still = [first_balanced_alarm(random, share, holdout, 0.8, 2000) for _ in range(100)]
    assert np.isfinite(still).sum() == 0
    if share * holdout >= 50:
        fallen = [first_balanced_alarm(random, share, holdout, 0.0, 2000) for _ in range(100)]
        assert np.quantile(fallen, 0.95) <= 40


def first_balanced_alarm(
    random: np.random.Generator, share: float, holdout: int, recall: float, outcomes: int
) -> float:
    """How many positives there were until the alarm about a model whose recall was 80 % on the holdout."""

    def errors_and_classes(count: int, recall: float) -> tuple[Floats, NDArray[np.int64]]:
        classes = (random.random(count) < share).astype(np.int64)
        return np.where(classes, random.random(count) > recall, random.random(count) < 0.02).astype(float), classes

    shown, live = LossSums(), LossSums()
    shown.add_all(*errors_and_classes(holdout, 0.8))
    losses, classes = errors_and_classes(outcomes, recall)
    for n in checks(outcomes):
        live.add_all(losses[live.n : n], classes[live.n : n])
        moments, reference = live.moments(), shown.moments()
        evidence = joint_log_evidence(log_evidence(moments, reference), 0.0)
        if is_shortfall(evidence, moments.mean, reference.mean):
            return int(classes[:n].sum())
    return inf


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=40), st.integers(1, 39))
def test_sums_are_the_same_however_losses_are_split(values: list[float], cut: int) -> None:
    losses, groups = np.array(values), np.zeros(len(values), dtype=np.int64)
    whole, parts = LossSums(), LossSums()
    whole.add_all(losses, groups)
    for part in (slice(cut), slice(cut, None)):
        parts.add_all(losses[part], groups[part])
    assert parts == whole
