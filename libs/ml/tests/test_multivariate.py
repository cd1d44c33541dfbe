"""Changes that no field shows alone."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from penstock.ml.drift.multivariate import Subspace, domain_drift, reconstruction_drift


def rows(seed: int, correlation: float, n: int = 600) -> np.ndarray:
    """Three normal columns, each alone always the same; the first two hang together."""
    random = np.random.default_rng(seed)
    first, noise, third = random.normal(size=(3, n))
    return np.stack([first, correlation * first + np.sqrt(1 - correlation**2) * noise, third], axis=1)


@pytest.mark.parametrize("measure", [reconstruction_drift, domain_drift])
def test_a_broken_correlation_is_seen(measure: object) -> None:
    found = measure(rows(0, 0.95), rows(1, -0.95))
    assert found.p_value < 1e-6
    assert found == measure(rows(0, 0.95), rows(1, -0.95))


@pytest.mark.parametrize(("measure", "calm"), [(reconstruction_drift, 1.0), (domain_drift, 0.5)])
def test_without_a_change_drift_is_small(measure: object, calm: float) -> None:
    found = [measure(rows(seed, 0.9), rows(seed + 50, 0.9)) for seed in range(8)]
    assert sum(one.p_value < 0.01 for one in found) <= 1
    assert np.mean([one.value for one in found]) == pytest.approx(calm, abs=0.06)


def test_missing_values_are_nothing_special() -> None:
    sample = rows(0, 0.9)
    sample[::7, 1] = np.nan
    sample[:, 2] = np.nan
    assert reconstruction_drift(sample, sample[:300]).p_value > 0.01
    assert np.isfinite(Subspace.of(sample).errors(rows(1, 0.9))).all()


def test_a_row_on_the_plane_has_no_error() -> None:
    line = np.outer(np.linspace(-1, 1, 50), [1.0, 2.0])
    plane = Subspace.of(line)
    assert plane.axes.shape == (1, 2)
    assert plane.errors(line).max() == pytest.approx(0, abs=1e-9)
    assert plane.errors(np.array([[1.0, -2.0]]))[0] > 1


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 of either"):
        domain_drift(rows(0, 0.5), rows(0, 0.5, n=1))
    with pytest.raises(ValueError, match="at least 2"):
        reconstruction_drift(rows(0, 0.5, n=1), rows(0, 0.5))


@pytest.mark.parametrize("measure", [domain_drift, reconstruction_drift])
@pytest.mark.parametrize("scale", [1e39, 1e100, np.inf])
def test_numbers_that_32_bits_do_not_hold_are_compared_all_the_same(measure: Any, scale: float) -> None:
    ordinary = rows(0, 0.5)
    ordinary[::7, 1] = np.nan
    large = rows(1, 0.5)
    large[large[:, 0] > 0, 0] = scale
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drift = measure(ordinary, large)
    assert np.isfinite([drift.value, drift.p_value]).all()
    assert drift.value > 0.5
