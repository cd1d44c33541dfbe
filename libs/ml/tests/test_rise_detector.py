"""A rise of the loss: found whatever the losses are, confirmed by the scan alone, and a function of what was seen."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.ml.drift.change_scan import Law
from penstock.ml.drift.rise_detector import SCAN, Change, RiseDetector

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


def log_losses(slope: float, n: int, seed: int) -> list[float]:
    """Of a model whose log odds vary by 2, where the truth follows them by `slope`: 1 is a model that is right."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(0, 2, n)
    true = random.random(n) < 1 / (1 + np.exp(-slope * log_odds))
    return np.log1p(np.exp(np.where(true, -log_odds, log_odds))).tolist()


LAWS = st.sampled_from(["bernoulli", "exponential", "log_loss"])


def risen(law: Law, before: int, after: int, seed: int) -> tuple[list[float], list[float]]:
    """Losses of a law, and larger ones after them."""
    match law:
        case "bernoulli":
            return hits(0.1, before, seed), hits(0.6, after, seed + 1)
        case "exponential":
            return errors(1, before, seed), errors(7, after, seed + 1)
        case "log_loss":
            return log_losses(1, before, seed), log_losses(-1, after, seed + 1)


def found(losses: Sequence[float], law: Law = "bernoulli", names: Sequence[str] = DEFAULT) -> Change | None:
    return RiseDetector(names, law=law).observe(losses)


@pytest.mark.parametrize("rate", [0.002, 0.02, 0.2, 0.5])
def test_losses_that_do_not_change_are_left_alone_for_long(rate: float) -> None:
    assert [found(hits(rate, 20_000, seed)) for seed in range(5)] == [None] * 5


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e90])
def test_neither_scale_nor_heavy_tails_make_a_change(scale: float) -> None:
    assert [found(errors(scale, 10_000, seed), law="exponential") for seed in range(3)] == [None] * 3


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
        change = found(errors(scale, 2000, seed) + errors(2 * scale, 250, seed + 50), law="exponential")
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


@given(st.integers(0, 1000), LAWS, st.lists(st.integers(0, 1600), max_size=5))
@settings(max_examples=25, deadline=None)
def test_batches_do_not_matter(seed: int, law: Law, cuts: list[int]) -> None:
    series = list(itertools.chain(*risen(law, 800, 800, seed)))
    whole = found(series, law)
    assert whole is not None
    detector = RiseDetector(DEFAULT, law=law)
    for start, stop in itertools.pairwise([0, *sorted(cuts), len(series)]):
        change = detector.observe(series[start:stop])
        if change is not None:
            assert (start + change.index, change.window, change.detector) == (whole.index, whole.window, whole.detector)
            return
    pytest.fail("no change was found in parts")


@given(st.integers(0, 1000), LAWS)
@settings(max_examples=15, deadline=None)
def test_the_values_are_the_state(seed: int, law: Law) -> None:
    before, after = risen(law, 900, 300, seed)
    one, again = RiseDetector(DEFAULT, law=law), RiseDetector(DEFAULT, law=law)
    assert one.observe(before) is None
    again.add(before)
    assert one.observe(after) == again.observe(after)


@pytest.mark.parametrize("shift", [0.0, -2.5, -4.5])
def test_log_losses_that_do_not_change_are_left_alone_for_long(shift: float) -> None:
    """Of which one in two, in 15 or in a hundred cases is large: of a few the normal law would make changes."""
    for seed in range(5):
        random = np.random.default_rng(seed)
        log_odds = random.normal(shift, 2, 20_000)
        true = random.random(20_000) < 1 / (1 + np.exp(-log_odds))
        assert found(np.log1p(np.exp(np.where(true, -log_odds, log_odds))).tolist(), "log_loss") is None


def test_a_rise_of_the_log_loss_is_found_before_that_of_the_errors() -> None:
    """The model goes on to answer alike, and is right less often: its losses tell by how much it was sure."""
    delays = {law: [] for law in ("log_loss", "bernoulli")}
    for seed in range(15):
        losses = np.array(log_losses(1, 2000, seed) + log_losses(0.4, 3000, seed + 50))
        for law, values in (("log_loss", losses), ("bernoulli", (losses > np.log(2)).astype(float))):
            change = found(values.tolist(), law)
            assert change is not None
            assert change.detector == (SCAN if law == "log_loss" else change.detector)
            delays[law].append(change.index - 2000)
    assert np.median(delays["log_loss"]) < 0.8 * np.median(delays["bernoulli"])
    assert min(delays["log_loss"]) > 0


def test_one_loss_without_a_bound_is_no_change() -> None:
    losses = log_losses(1, 2000, 0)
    assert found([*losses, 34.5, *losses], "log_loss") is None


def test_without_detectors_nothing_is_found() -> None:
    laws: tuple[Law, ...] = ("bernoulli", "log_loss")
    assert [found([*itertools.chain(*risen(law, 500, 500, 0))], law, ()) for law in laws] == [None, None]
