"""Laws that every online detector keeps, after River's checks of detectors: a new one has to keep them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ml.drift.detectors import CALIBRATION, DETECTORS, SequentialDetector, rebuild_detector

from .exports import with_any_of

CALM, WORSE = 0.2, 0.95
EARLIEST = {"adwin": 32, "page-hinkley": 30, "ddm": 30, "hddm-a": 14, "hddm-w": 14, "kswin": 200}
"""Values that a detector must have seen before it may say anything: its warm-up, or as many as its bounds need."""

every_detector = pytest.mark.parametrize("name", DETECTORS)
of_any_number = pytest.mark.parametrize("name", [name for name in DETECTORS if not DETECTORS[name].binary])


def hits(rate: float, n: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(n) < rate).astype(float)


def calm_then_worse(seed: int, calm: int = 200, worse: int = 200) -> np.ndarray:
    return np.concatenate([hits(CALM, calm, seed), hits(WORSE, worse, seed + 1)])


def test_every_detector_has_laws() -> None:
    assert with_any_of("update_one", "drift_detected") == {SequentialDetector}
    assert set(DETECTORS) == set(EARLIEST)


@every_detector
@pytest.mark.parametrize("direction", ["up", "both"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_constant_series_is_no_alarm(name: str, direction: Any, value: float) -> None:
    assert SequentialDetector(name, direction=direction).alarms(np.full(400, value)) == []


@of_any_number
@pytest.mark.parametrize("value", [0.0, 5e-324, 1e-9, 3.7, 1e300])
def test_a_constant_error_of_any_size_is_no_alarm(name: str, value: float) -> None:
    assert SequentialDetector(name, bounded=False).alarms(np.full(CALIBRATION + 300, value)) == []


@every_detector
@pytest.mark.parametrize("direction", ["up", "both"])
@given(st.data())
@settings(max_examples=10)
def test_there_is_no_alarm_before_the_warm_up(name: str, direction: Any, data: st.DataObject) -> None:
    series = data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=EARLIEST[name] - 1, max_size=EARLIEST[name] - 1))
    assert SequentialDetector(name, direction=direction).alarms(np.array(series)) == []


@of_any_number
@given(st.lists(st.floats(-1e300, 1e300), min_size=CALIBRATION - 1, max_size=CALIBRATION - 1))
@settings(max_examples=10)
def test_there_is_no_alarm_before_the_scale_is_set(name: str, series: list[float]) -> None:
    assert SequentialDetector(name, bounded=False).alarms(np.array(series)) == []


@every_detector
@pytest.mark.parametrize("direction", ["up", "both"])
@pytest.mark.parametrize("seed", range(3))
def test_a_huge_change_is_an_alarm_soon(name: str, direction: Any, seed: int) -> None:
    watch = rebuild_detector(name, hits(CALM, 300, seed), seed, direction)
    found = watch.update(hits(WORSE, 200, seed + 100))
    assert found is not None
    assert found < 100


@every_detector
@pytest.mark.parametrize("direction", ["up", "both"])
def test_after_an_alarm_it_starts_afresh(name: str, direction: Any) -> None:
    watch = SequentialDetector(name, 3, direction)
    assert any(watch.update_one(value) for value in calm_then_worse(1).tolist())  # stops at the alarm
    later = calm_then_worse(5, calm=250)
    assert watch.alarms(later) == SequentialDetector(name, 3, direction).alarms(later)


@of_any_number
def test_after_an_alarm_the_scale_is_sought_anew(name: str) -> None:
    watch = SequentialDetector(name, 3, bounded=False)
    assert any(watch.update_one(value) for value in calm_then_worse(1, worse=400).tolist())
    later = 1e-3 * calm_then_worse(5, calm=250, worse=400)  # to the old scale nothing at all
    found = watch.alarms(later)
    assert found == SequentialDetector(name, 3, bounded=False).alarms(later)
    assert found


@every_detector
def test_the_same_series_and_seed_give_the_same_alarms(name: str) -> None:
    one, other = (SequentialDetector(name, 7).alarms(calm_then_worse(2)) for _ in range(2))
    assert one == other != []


@every_detector
@given(cut=st.integers(0, 400), seed=st.integers(0, 50))
@settings(max_examples=3)
def test_a_rebuilt_detector_equals_the_one_that_was_updated(name: str, cut: int, seed: int) -> None:
    series = calm_then_worse(seed)
    fed = SequentialDetector(name, seed)
    tips = fed.alarms(series[:cut])
    again = rebuild_detector(name, series[tips[-1] + 1 if tips else 0 : cut], seed)
    assert again.alarms(series[cut:]) == fed.alarms(series[cut:])


@every_detector
def test_a_refused_series_changes_nothing(name: str) -> None:
    series = calm_then_worse(6)
    pure, tried = (SequentialDetector(name) for _ in range(2))
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="finite"):
            tried.alarms(np.array([1.0] * 50 + [bad]))
    assert tried.alarms(series) == pure.alarms(series)


@every_detector
def test_an_empty_update_raises_no_alarm(name: str) -> None:
    watch = rebuild_detector(name, hits(CALM, 100, 1))
    assert watch.alarms(np.empty(0)) == []
    assert watch.alarms(calm_then_worse(4)) == rebuild_detector(name, hits(CALM, 100, 1)).alarms(calm_then_worse(4))
