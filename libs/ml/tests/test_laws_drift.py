"""Laws of whatever compares one sample with another, and of every metric: a new one has to keep them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from penstock.ml.drift import distances
from penstock.ml.drift.expected_score import CONFIDENCE_EDGES, ExpectedScore
from penstock.ml.drift.multivariate import domain_drift, reconstruction_drift
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.share_tests import share_drifts
from penstock.ml.drift.volume import FACTOR, MIN_RATES, exceeded_volume_bound
from penstock.ml.drift.window_tests import THRESHOLDS, WindowTest

from .exports import exported

Counts = np.ndarray
COUNTS = arrays(np.int64, 6, elements=st.integers(0, 200)).filter(lambda counts: counts.sum() > 0)

DISTANCES: dict[str, Callable[[Counts, Counts], Any]] = {
    "psi": distances.psi,
    "js": distances.js,
    "ks": lambda before, now: distances.ks(before, now)[0],
    "ks_statistic": distances.ks_statistic,
    "chi_square": lambda before, now: distances.chi_square(before, now)[0],
    "association": lambda before, now: distances.association(distances.chi_square(before, now)[0], before, now),
    "wasserstein": distances.wasserstein,
}
P_VALUES: dict[str, Callable[[Counts, Counts], Any]] = {
    "ks": lambda before, now: distances.ks(before, now)[1],
    "ks_p_value": lambda before, now: distances.ks_p_value(distances.ks_statistic(before, now), before, now),
    "chi_square": lambda before, now: distances.chi_square(before, now)[1],
}
AT_MOST_ONE = {"js", "ks", "ks_statistic", "association", "wasserstein"}
ROW_TESTS = {"reconstruction_drift": reconstruction_drift, "domain_drift": domain_drift}
OTHERS = {
    "window_tests": {"WindowTest", "FieldDrift"},
    "share_tests": {"share_drifts", "p_values", "Share"},
    "multivariate": {*ROW_TESTS, "RowDrift", "Subspace"},
    "volume": {"exceeded_volume_bound"},
    "expected_score": {"ExpectedScore"},
    "reference_bins": {"ReferenceBins"},
    "bin_counts": {"FieldBins"},
    "change_scan": {"ChangeScan", "Shift", "skewed_evidence"},
    "shortfall": {"log_evidence", "joint_log_evidence", "is_shortfall"},
    "loss_sums": {"LossSums"},
    "rise_detector": {"RiseDetector", "Change"},
    "sequential_ranks": {"SequentialRanks"},
    "detectors": {"SequentialDetector", "rebuild_detector", "Detector", "UnknownDetector"},
}


def test_every_comparison_has_laws() -> None:
    assert set(DISTANCES) | set(P_VALUES) == names("distances")
    assert {module: names(module) for module in OTHERS} == OTHERS
    assert {name.split(".")[3] for name in exported("penstock.ml.drift")} == {*OTHERS, "distances"}


def names(module: str) -> set[str]:
    return {name.rpartition(".")[2] for name in exported(f"penstock.ml.drift.{module}")}


# --- distances of counts


@pytest.mark.parametrize("name", DISTANCES)
@given(COUNTS, COUNTS, st.integers(2, 9))
@settings(max_examples=30)
def test_a_distance_is_none_to_itself_never_negative_and_never_nan(
    name: str, before: Counts, now: Counts, times: int
) -> None:
    distance = DISTANCES[name]
    assert distance(before, before) == pytest.approx(0, abs=1e-6)
    assert 0 <= distance(before, now) <= (1 + 1e-9 if name in AT_MOST_ONE else np.inf)
    assert np.isfinite(distance(before, np.zeros_like(now)))  # a window in which nothing came
    if name not in {"psi", "chi_square", "association"}:  # shares alone count
        assert distance(before * times, now * times) == pytest.approx(distance(before, now), abs=1e-6)


@pytest.mark.parametrize("name", P_VALUES)
@given(COUNTS, COUNTS)
@settings(max_examples=30)
def test_a_p_value_is_a_probability_and_one_for_equals(name: str, before: Counts, now: Counts) -> None:
    assert 0 <= P_VALUES[name](before, now) <= 1
    assert P_VALUES[name](before, before) == pytest.approx(1)


@pytest.mark.parametrize("name", P_VALUES)
def test_a_p_value_is_even_where_nothing_has_changed(name: str) -> None:
    random = np.random.default_rng(0)
    shares = np.full(40, 1 / 40)
    found = [P_VALUES[name](random.multinomial(4000, shares), random.multinomial(2000, shares)) for _ in range(400)]
    for level in (0.05, 0.2):
        assert np.mean(np.array(found) < level) < level + 3 * np.sqrt(level / 400)


# --- verdicts over a window


def samples(seed: int, n: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    towns = random.choice(["a", "b", "c"], n, p=[0.2 + shift / 20, 0.3, 0.5 - shift / 20]).astype(object)
    return {"load": random.normal(shift, 1, n), "town": towns}


PROFILE = {
    name: ReferenceBins.of(values, "category" if name == "town" else "number")
    for name, values in samples(0, 2000).items()
}
BEFORE = {name: np.array(reference.counts) for name, reference in PROFILE.items()}
VERDICTS: dict[str, Callable[[dict[str, Counts]], list[Any]]] = {
    **{name: lambda now, name=name: WindowTest(name).drifts(BEFORE, now) for name in THRESHOLDS},
    "share_tests": lambda now: share_drifts(PROFILE, now),
}
every_verdict = pytest.mark.parametrize("name", VERDICTS)


def counted(columns: dict[str, np.ndarray]) -> dict[str, Counts]:
    return {name: PROFILE[name].count(values) for name, values in columns.items()}


@every_verdict
@pytest.mark.parametrize("n", [0, 1, 99, 100, 2000])
def test_a_window_like_the_reference_has_not_drifted(name: str, n: int) -> None:
    assert all(VERDICTS[name](counted(samples(seed, n))) == [] for seed in range(1, 30))


@every_verdict
def test_a_window_of_another_distribution_has_drifted_in_any_order_of_rows(name: str) -> None:
    columns = samples(1, 500, shift=9.0)
    order = np.random.default_rng(0).permutation(500)
    found = VERDICTS[name](counted(columns))
    assert "load" in {one.field for one in found}
    assert VERDICTS[name](counted({each: values[order] for each, values in columns.items()})) == found


@every_verdict
def test_too_few_rows_are_never_a_drift(name: str) -> None:
    assert VERDICTS[name](counted(samples(1, 99, shift=9.0))) == []


@pytest.mark.parametrize("name", ROW_TESTS)
def test_rows_of_another_distribution_are_detected_and_those_of_the_same_are_not(name: str) -> None:
    def rows(seed: int, scale: float = 1.0) -> np.ndarray:
        return np.random.default_rng(seed).normal(size=(200, 2)) @ np.array([[1.0, 0.9], [0.0, 0.4]]) * scale

    same, other = (ROW_TESTS[name](rows(0), rows(1, scale)) for scale in (1.0, 8.0))
    assert same.p_value > 0.01
    assert other.p_value < 1e-6
    assert ROW_TESTS[name](rows(0), rows(1, 8.0)) == other
    assert 0 <= other.p_value <= same.p_value <= 1


@given(st.lists(st.floats(0.1, 1e6), max_size=60), st.floats(0, 1e9), st.randoms())
def test_a_rate_is_compared_with_earlier_rates_in_any_order(known: list[float], rate: float, random: Any) -> None:
    found = exceeded_volume_bound(rate, known)
    shuffled = random.sample(known, len(known))
    assert exceeded_volume_bound(rate, shuffled) == found
    assert (found is not None) == (len(known) >= MIN_RATES and not min(known) / FACTOR <= rate <= FACTOR * max(known))


@given(st.lists(st.floats(0.5, 1), min_size=1, max_size=40), st.randoms())
def test_an_estimate_lies_within_the_answers_in_any_order(values: list[float], random: Any) -> None:
    expected, answers = ExpectedScore(list(CONFIDENCE_EDGES)), np.array(values)
    expected.update(np.array([0.6, 0.9]), np.array([0.0, 1.0]))
    estimate = expected.estimate(answers, answers)
    assert estimate is not None
    assert 0 <= estimate <= 1
    shuffled = np.array(random.sample(values, len(values)))
    assert expected.estimate(shuffled, shuffled) == pytest.approx(estimate)
