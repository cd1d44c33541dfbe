"""A rise of the loss: found whatever the losses are, confirmed by the scan alone, and a function of what was seen."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ml.drift.rise_detector import Change, RiseDetector

DEFAULT = ("adwin", "page-hinkley")


def hits(rate: float, n: int, seed: int) -> list[float]:
    return (np.random.default_rng(seed).random(n) < rate).astype(float).tolist()


def errors(scale: float, n: int, seed: int) -> list[float]:
    return (scale * np.abs(np.random.default_rng(seed).standard_t(2, n))).tolist()


def bursts(rate: float, stay: float, n: int, seed: int) -> list[float]:
    """Losses of 0 and 1 that are like the one before with probability `stay`, else drawn anew."""
    random, losses = np.random.default_rng(seed), [0.0]
    for same, fresh in random.random((n, 2)):
        losses.append(losses[-1] if same < stay else float(fresh < rate))
    return losses[1:]


def found(losses: Sequence[float], bounded: bool = True, names: Sequence[str] = DEFAULT) -> Change | None:
    return RiseDetector(names, bounded=bounded).observe(losses)


@pytest.mark.parametrize("rate", [0.002, 0.02, 0.2, 0.5])
def test_losses_that_do_not_change_are_left_alone_for_long(rate: float) -> None:
    assert [found(hits(rate, 20_000, seed)) for seed in range(5)] == [None] * 5


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e90])
def test_neither_scale_nor_heavy_tails_make_a_change(scale: float) -> None:
    assert [found(errors(scale, 10_000, seed), bounded=False) for seed in range(3)] == [None] * 3


def test_bursts_as_they_came_before_are_no_change() -> None:
    for seed in range(6):
        detector, losses = RiseDetector(DEFAULT), bursts(0.2, 0.6, 20_000, seed)
        detector.add(losses[:2000])
        assert detector.observe(losses[2000:]) is None


@pytest.mark.parametrize(("before", "after", "within"), [(0.2, 0.35, 450), (0.01, 0.05, 900), (0.1, 0.9, 40)])
def test_a_rise_of_the_rate_is_found_and_dated(before: float, after: float, within: int) -> None:
    for seed in range(5):
        change = found(hits(before, 3000, seed) + hits(after, within, seed + 50))
        assert change is not None
        assert change.detector in DEFAULT
        assert change.index >= 3000
        assert abs(change.index + 1 - change.window - 3000) < max(within / 2, 50)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e90])
def test_errors_that_double_are_found_whatever_their_scale(scale: float) -> None:
    for seed in range(5):
        change = found(errors(scale, 2000, seed) + errors(2 * scale, 250, seed + 50), bounded=False)
        assert change is not None
        assert change.index >= 2000


def test_a_fall_is_a_change_without_an_alarm() -> None:
    change = found(hits(0.35, 2000, 0) + hits(0.1, 500, 1))
    assert change is not None
    assert change.detector is None
    assert change.index >= 2000


def test_what_no_detector_proposes_is_not_confirmed() -> None:
    losses = hits(0.2, 2000, 0) + hits(0.6, 500, 1)
    assert found(losses, names=()) is None
    assert found(losses, names=("hddm-w",)).detector == "hddm-w"  # type: ignore[union-attr]


def test_more_detectors_raise_no_more_alarms_than_the_scan_alone() -> None:
    names = ("adwin", "page-hinkley", "ddm", "hddm-a", "hddm-w")
    assert [found(hits(0.2, 20_000, seed), names=names) for seed in range(3)] == [None] * 3


@given(st.integers(0, 1000), st.booleans(), st.lists(st.integers(0, 1600), max_size=5))
@settings(max_examples=25, deadline=None)
def test_batches_do_not_matter(seed: int, bounded: bool, cuts: list[int]) -> None:
    series = hits(0.1, 800, seed) + hits(0.5, 800, seed + 1) if bounded else errors(1, 800, seed) + errors(5, 800, seed)
    whole = found(series, bounded)
    assert whole is not None
    detector = RiseDetector(DEFAULT, bounded=bounded)
    for start, stop in itertools.pairwise([0, *sorted(cuts), len(series)]):
        change = detector.observe(series[start:stop])
        if change is not None:
            assert (start + change.index, change.window, change.detector) == (whole.index, whole.window, whole.detector)
            return
    pytest.fail("no change was found in parts")


@given(st.integers(0, 1000), st.booleans())
@settings(max_examples=15, deadline=None)
def test_the_values_are_the_state(seed: int, bounded: bool) -> None:
    before, after = (
        (hits(0.2, 900, seed), hits(0.7, 300, seed)) if bounded else (errors(1, 900, seed), errors(9, 300, 1))
    )
    one, again = RiseDetector(DEFAULT, bounded=bounded), RiseDetector(DEFAULT, bounded=bounded)
    assert one.observe(before) is None
    again.add(before)
    assert one.observe(after) == again.observe(after)
