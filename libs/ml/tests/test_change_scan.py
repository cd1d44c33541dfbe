"""The scan: its likelihood ratio is the textbook's, and windows share the false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from penstock.ml.drift.change_scan import (
    SLACK,
    SMALLEST_REFERENCE,
    STEP,
    THRESHOLDS,
    WINDOWS,
    ChangeScan,
    Law,
    skewed_evidence,
)
from penstock.ml.drift.sequential_ranks import SequentialRanks

NONE = np.empty(0, np.int64)


def log_likelihood(law: Law, values: np.ndarray) -> float:
    mean = values.mean()
    of_values = stats.bernoulli(mean).logpmf(values) if law == "bernoulli" else stats.expon(scale=mean).logpdf(values)
    return float(of_values.sum())


@given(st.sampled_from(["bernoulli", "exponential"]), st.integers(0, 100), st.integers(SMALLEST_REFERENCE, 500))
@settings(max_examples=40, deadline=None)
def test_a_window_passes_its_threshold_by_its_likelihood_ratio(law: Law, seed: int, cut: int) -> None:
    random = np.random.default_rng(seed)
    size = cut + int(WINDOWS[6]) + STEP
    size -= size % STEP
    means = np.where(np.arange(size) < size - WINDOWS[6], 0.1, 0.8)
    values = (random.random(size) < means).astype(float) if law == "bernoulli" else random.exponential(means * 10)
    scan = ChangeScan(law)
    scan.extend(values)
    shift = scan.first_shift(size - 1, np.array([size]))
    ratios = {
        int(window): log_likelihood(law, values[: size - window])
        + log_likelihood(law, values[size - window :])
        - log_likelihood(law, values)
        - threshold
        - SLACK[law]
        for window, threshold in zip(WINDOWS, THRESHOLDS, strict=True)
        if size - window >= max(SMALLEST_REFERENCE, window / 2)
    }
    if shift is None:
        assert max(ratios.values()) < 1  # a chance correlation of neighbours makes the scan a little more cautious
    else:
        assert shift.rises
        assert ratios[shift.window] >= 0


def test_all_scales_share_the_false_alarms() -> None:
    """A window of w values has HORIZON / w places: what is allowed at each falls with their number."""
    expected = np.exp(-THRESHOLDS) / WINDOWS
    assert expected.max() / expected.min() < 20
    assert expected.sum() * np.exp(-min(SLACK.values())) < 1e-5


def test_a_correlation_of_neighbours_weakens_the_evidence() -> None:
    apart = np.tile([0.0, 0.0, 0.0, 0.0, 1.0], 400)
    together = np.repeat(np.tile([0.0, 0.0, 0.0, 0.0, 1.0], 40), 10)
    shifts = []
    for before in (apart, together):
        scan = ChangeScan("bernoulli")
        scan.extend(np.concatenate([before, np.tile([1.0, 0.0], 45)]))
        shifts.append(scan.first_shift(2000, np.array([2001])))
    assert shifts[0] is not None
    assert shifts[1] is None


def test_a_rise_counts_only_within_a_window_that_holds_a_proposal() -> None:
    scan = ChangeScan("bernoulli")
    scan.extend(np.concatenate([np.tile([0.0, 0.0, 0.0, 1.0], 250), np.ones(50)]))
    assert scan.first_shift(0, NONE) is None
    assert scan.first_shift(0, np.array([400])) is None
    shift = scan.first_shift(0, np.array([1003]))
    assert shift is not None
    assert shift.count - shift.window < 1003


@pytest.mark.parametrize("draw", ["standard_t", "uniform", "lognormal"])
def test_ranks_are_uniform_and_independent_whatever_the_values(draw: str) -> None:
    random = np.random.default_rng(3)
    values = {"standard_t": lambda: random.standard_t(1, 4000), "uniform": lambda: random.random(4000)}.get(
        draw, lambda: random.lognormal(0, 5, 4000)
    )()
    ranks = SequentialRanks().add(values.tolist())
    assert stats.kstest(ranks[100:], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(ranks[100:-1], ranks[101:])[0, 1]) < 0.05


def test_ties_have_the_middle_rank() -> None:
    assert SequentialRanks().add([7.0] * 50).tolist() == [0.5] * 50


@given(st.floats(0.01, 5), st.floats(0.01, 5), st.floats(0.1, 4), st.integers(1, 500))
def test_the_evidence_of_log_losses_is_that_of_the_poisson_law_in_any_unit(
    mean: float, rise: float, unit: float, cases: int
) -> None:
    """Whose mean, variance and third central moment are one number; rises in numbers of jumps of the unit."""
    of_poisson = cases * ((mean + rise) * np.log1p(rise / mean) - rise)
    moments = (np.array(each) for each in (unit * rise, unit**2 * mean, unit**3 * mean, float(cases)))
    assert skewed_evidence(*moments) == pytest.approx(of_poisson, rel=1e-6, abs=1e-9)


def test_the_evidence_of_losses_without_skew_is_that_of_the_normal_law() -> None:
    moments = (np.array(each) for each in (0.1, 0.25, 1e-6, 40.0))
    assert skewed_evidence(*moments) == pytest.approx(40 * 0.1**2 / (2 * 0.25), rel=1e-3)


def test_a_loss_as_large_as_can_be_is_no_change_where_none_was_before() -> None:
    """The moments of a hundred small losses say nothing of a large one: a tenth of one is taken for granted."""
    scan = ChangeScan("log_loss")
    small = np.random.default_rng(0).exponential(0.004, 149)
    scan.extend(np.insert(small, 120, 1.0))
    assert scan.first_shift(0, None) is None
