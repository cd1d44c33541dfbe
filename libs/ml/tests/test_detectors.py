"""Detectors find a planted change, leave the rest alone, and are a function of what they saw."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ml.drift.detectors import DETECTORS, SequentialDetector, UnknownDetector, rebuild_detector

QUICK = [name for name in DETECTORS if name != "kswin"]
SCORES = [name for name in QUICK if not DETECTORS[name].binary]
quick = pytest.mark.parametrize("name", QUICK)
scores = pytest.mark.parametrize("name", SCORES)


def hits(rate: float, n: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(n) < rate).astype(float)


def errors(scale: float, n: int, seed: int) -> np.ndarray:
    return scale * np.abs(np.random.default_rng(seed).standard_t(4, n))


@quick
def test_a_stationary_series_is_left_alone(name: str) -> None:
    alarms = sum(len(SequentialDetector(name).alarms(hits(0.2, 5000, seed))) for seed in range(4))
    assert alarms <= 2  # in 20,000


@quick
def test_a_rise_is_noticed_soon(name: str) -> None:
    rises = [(hits(0.2, 1000, seed), hits(0.4, 1000, seed + 100)) for seed in range(7)]
    delays = [rebuild_detector(name, before).update(after) for before, after in rises]
    assert None not in delays
    assert np.median(delays) < 400


@quick
def test_an_improvement_is_no_alarm(name: str) -> None:
    falls = [(hits(0.4, 1000, seed), hits(0.1, 1000, seed + 100)) for seed in range(7)]
    alarms = [rebuild_detector(name, before).update(after) for before, after in falls]
    assert len(alarms) - alarms.count(None) <= 1


@scores
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_the_scale_of_errors_does_not_matter(name: str, scale: float) -> None:
    quiet = SequentialDetector(name, bounded=False)
    assert len(quiet.alarms(errors(scale, 8000, 0))) <= 1
    watch = SequentialDetector(name, bounded=False)
    watch.update(errors(scale, 1000, 1))
    assert watch.update(errors(2 * scale, 1000, 2)) is not None


@scores
def test_any_change_is_an_alarm_in_both_directions(name: str) -> None:
    watch = SequentialDetector(name, direction="both")
    watch.update(np.full(1000, 0.8))
    assert watch.update(np.full(1000, 0.3)) is not None


def test_kswin_sees_a_change_of_shape() -> None:
    random = np.random.default_rng(0)
    watch = SequentialDetector("kswin", direction="both")
    assert watch.update(random.uniform(0.4, 0.6, 400)) is None
    assert watch.update(random.choice([0.1, 0.9], 300)) is not None


@given(st.sampled_from(QUICK), st.integers(0, 1000), st.lists(st.integers(0, 1500), max_size=4))
@settings(max_examples=25, deadline=None)
def test_batches_do_not_matter(name: str, seed: int, cuts: list[int]) -> None:
    series = np.concatenate([hits(0.1, 500, seed), hits(0.5, 500, seed + 1), hits(0.9, 500, seed + 2)])
    whole = SequentialDetector(name, seed).alarms(series)
    pieces, borders = SequentialDetector(name, seed), [0, *sorted(cuts), len(series)]
    found = [start + tip for start, stop in itertools.pairwise(borders) for tip in pieces.alarms(series[start:stop])]
    assert found == whole


@given(st.sampled_from(SCORES), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_the_inputs_since_the_last_alarm_are_the_state(name: str, seed: int) -> None:
    series = np.concatenate([errors(1, 600, seed), errors(4, 700, seed + 1)])
    watch = SequentialDetector(name, seed, bounded=False)
    tips = watch.alarms(series)
    again = rebuild_detector(name, series[tips[-1] + 1 if tips else 0 :], seed, bounded=False)
    later = errors(20, 500, seed + 2)
    assert again.alarms(later) == watch.alarms(later)


def test_wrong_names_and_values_are_refused() -> None:
    with pytest.raises(UnknownDetector, match="adwin"):
        SequentialDetector("os.system")
    with pytest.raises(UnknownDetector, match="0/1 losses only"):
        SequentialDetector("ddm", bounded=False)
    with pytest.raises(ValueError, match="finite"):
        SequentialDetector("adwin").update(np.array([0.0, np.nan]))


@quick
def test_parameters_are_shown(name: str) -> None:
    shown = SequentialDetector(name, seed=7).parameters
    assert shown["seed"] == 7
    assert shown["direction"] == "up"
    assert shown.items() >= DETECTORS[name].parameters.items()


@pytest.mark.parametrize("name", ["adwin", "page-hinkley"])
@pytest.mark.parametrize("far", [1e100, -1e100, -1e300])
def test_values_of_any_size_are_observed(name: str, far: float) -> None:
    detector = SequentialDetector(name, direction="both", bounded=False)
    values = np.random.default_rng(2).normal(size=600)
    values[300::2] = far
    assert detector.alarms(values)
