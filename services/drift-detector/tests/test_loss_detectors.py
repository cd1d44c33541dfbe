"""Detectors of a rise of the losses, whose state is the losses since the last change."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.drift_detector.drift.loss_detectors import LossDetectors, LossRise, LossSettings
from penstock.drift_detector.drift.series_detectors import MAX_VALUES
from penstock.drift_detector.stored_series import StoredSeries
from penstock.drift_detector.watched_loss import WatchedLoss

ERRORS, ABSOLUTE_ERRORS = WatchedLoss("error", "bernoulli"), WatchedLoss("absolute_error", "exponential")
LOG_LOSSES = WatchedLoss("log_loss", "log_loss")
DEFAULT = LossSettings(("adwin", "page-hinkley"), 0, ERRORS)


def opened(store: MemoryStateStore, settings: LossSettings = DEFAULT) -> tuple[State, LossDetectors]:
    state = State(store)
    detectors = LossDetectors(state)
    detectors.configure(settings)
    return state, detectors


def losses(rate: float, count: int, seed: int) -> list[float]:
    return (np.random.default_rng(seed).random(count) < rate).astype(float).tolist()


def cases(n: int, share: float, recall: float, seed: int) -> tuple[list[float], list[bool]]:
    """Losses of n answers and which are of positive cases, of which `recall` are found; 5 % false positives."""
    random = np.random.default_rng(seed)
    positives = random.random(n) < share
    wrong = np.where(positives, random.random(n) >= recall, random.random(n) < 0.05)
    return wrong.astype(float).tolist(), positives.tolist()


def observed(detectors: LossDetectors, values: Sequence[float]) -> list[tuple[int, LossRise]]:
    return detectors.update(values, [False] * len(values))


def test_nothing_is_confirmed_in_many_losses_that_do_not_change() -> None:
    """A smaller form of what `python -m bench.detectors` measures in millions."""
    assert all(observed(opened(MemoryStateStore())[1], losses(0.2, 60_000, seed)) == [] for seed in range(2))
    unbounded = opened(MemoryStateStore(), LossSettings(DEFAULT.detectors, 0, ABSOLUTE_ERRORS))[1]
    assert observed(unbounded, np.abs(np.random.default_rng(0).standard_t(3, 30_000)).tolist()) == []


def test_a_change_is_one_alarm_and_the_next_one_is_found_too() -> None:
    _, detectors = opened(MemoryStateStore())
    rates = [(0.1, 2000), (0.3, 2000), (0.1, 2000), (0.5, 2000)]
    series = [loss for seed, (rate, count) in enumerate(rates) for loss in losses(rate, count, seed)]
    rises = observed(detectors, series)
    assert [index // 2000 for index, _ in rises] == [1, 3]
    for (_, rise), (before, after) in zip(rises, [(0.1, 0.3), (0.1, 0.5)], strict=True):
        assert rise.earlier_mean == pytest.approx(before, abs=0.04)
        assert rise.mean == pytest.approx(after, abs=0.1)
        assert not rise.of_positives


@pytest.mark.parametrize("loss", [ERRORS, LOG_LOSSES])
@pytest.mark.parametrize("seed", range(5))
def test_a_recall_that_falls_among_rare_positives_is_noticed_within_forty_of_them(seed: int, loss: WatchedLoss) -> None:
    """Among all losses it is lost: errors rise from 5.1 % to 5.5 %. Log losses are those of a model that is .9 sure."""
    _, detectors = opened(MemoryStateStore(), LossSettings(DEFAULT.detectors, 0, loss))
    right, wrong = (0.0, 1.0) if loss is ERRORS else (-log(0.9), -log(0.1))

    def observe(recall: float, seed: int) -> tuple[list[tuple[int, LossRise]], list[bool]]:
        is_wrong, positives = cases(20_000, 0.005, recall, seed)
        return detectors.update([wrong if each else right for each in is_wrong], positives), positives

    assert observe(0.8, seed)[0] == []
    ((index, rise), *_), positives = observe(0.0, seed + 100)
    assert rise.of_positives
    assert wrong >= rise.mean > rise.earlier_mean >= right
    assert sum(positives[: index + 1]) <= 40


@pytest.mark.parametrize("bounded", [True, False])
@given(st.lists(st.integers(0, 1199), max_size=4))
@settings(max_examples=15, deadline=None)
def test_alarms_do_not_depend_on_batches_or_restarts(bounded: bool, cuts: list[int]) -> None:
    random = np.random.default_rng(1)
    values = (random.random(1200) < np.repeat([0.1, 0.5, 0.1], 400)).astype(float) * (1.0 if bounded else 7.0)
    values = values if bounded else values + random.exponential(1.0, 1200)
    series, positives = values.tolist(), (random.random(1200) < 0.3).tolist()
    how = LossSettings(DEFAULT.detectors, 0, ERRORS if bounded else ABSOLUTE_ERRORS)
    whole = opened(MemoryStateStore(), how)[1].update(series, positives)
    store, alarms = MemoryStateStore(), []
    for start, stop in itertools.pairwise([0, *sorted(cuts), 1200]):
        state, detectors = opened(store, how)
        alarms += [(start + index, rise) for index, rise in detectors.update(series[start:stop], positives[start:stop])]
        detectors.save()
        state.write(state.take_changes(), {})
    assert alarms == whole
    assert alarms


def test_losses_beyond_the_limit_are_dropped_and_the_state_stays_the_same() -> None:
    store = MemoryStateStore()
    state, detectors = opened(store)
    assert observed(detectors, losses(0.2, MAX_VALUES + 150, 1)) == []
    detectors.save()
    state.write(state.take_changes(), {})
    assert len(list(store.scan(b"2l"))) == len(list(store.scan(b"2t"))) == (MAX_VALUES // 2 + 150 + 99) // 100
    again = opened(store)[1]
    later = losses(0.5, 300, 2)
    assert observed(again, later) == observed(detectors, later) != []


def test_the_state_of_a_release_before_is_opened() -> None:
    """It held the losses since the last alarm, and not which were of positive cases."""
    store = MemoryStateStore()
    state = State(store)
    before = StoredSeries(state, b"2l", "d")
    before.extend(losses(0.2, 1500, 4))
    before.save()
    state.write(state.take_changes(), {})
    detectors = opened(store)[1]
    ((index, rise), *_) = detectors.update(losses(0.6, 200, 5), [True] * 200)
    assert index < 100
    assert rise.earlier_mean == pytest.approx(0.2, abs=0.05)
