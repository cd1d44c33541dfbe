"""The history of a key says what the known outcomes of earlier events with the same value said, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.features import key_history
from penstock.ml.features.frame import Frame, column, times
from penstock.ml.features.history_rows import HistoryRows
from penstock.ml.features.key_history import PACES, PRIOR_WEIGHT, HistoryKeys, KeyHistory
from penstock.ml.features.lag_features import LabelHistory, Lags

KEYS = st.sampled_from(["a", "b", 7.0, ("a", 7.0), None])
OUTCOMES = st.lists(st.tuples(KEYS, st.floats(-9, 9), st.integers(0, 99).map(float)), max_size=40)
LAGS = Lags((1,), 3, history=HistoryKeys((("shop",), ("shop", "till")), ("late",)))


def history_of(outcomes: Sequence[tuple[Any, float, float]]) -> KeyHistory:
    history = KeyHistory(1)
    for key, number, time in outcomes:
        history.add(key, [number], time)
    return history


def features_of(history: KeyHistory, *keys: Any, time: float = 100.0) -> np.ndarray:
    return history.features(keys, np.full(len(keys), time))


@given(OUTCOMES)
def test_features_follow_from_the_outcomes_of_the_key_in_their_order(outcomes: list[tuple[Any, float, float]]) -> None:
    with_key = [outcome for outcome in outcomes if outcome[0] is not None]
    overall = np.mean([number for _, number, _ in with_key]) if with_key else np.nan
    for key in ("a", 7.0, ("a", 7.0), "unheard of", None):
        own = [outcome for outcome in with_key if outcome[0] == key]
        expected = [len(own), 100.0 - max(time for *_, time in own) if own else np.nan]
        for kept in PACES.values():
            weights = kept ** np.arange(len(own))[::-1]
            total = float(weights @ [number for _, number, _ in own]) if own else 0.0
            expected.append((total + PRIOR_WEIGHT * overall) / (weights.sum() + PRIOR_WEIGHT))
        assert features_of(history_of(outcomes), key)[0] == pytest.approx(expected, nan_ok=True, abs=1e-9)


@given(OUTCOMES, OUTCOMES)
def test_going_on_from_what_was_written_is_going_on(before: list[Any], after: list[Any]) -> None:
    written = history_of(before)
    restored = KeyHistory.from_dict(1, json.loads(json.dumps(written.to_dict())), written.table.copy())
    for key, number, time in after:
        restored.add(key, [number], time)
    whole = history_of(before + after)
    assert restored.to_dict() == whole.to_dict()
    assert np.array_equal(restored.table, whole.table)


@given(OUTCOMES, OUTCOMES)
def test_keys_are_dropped_in_the_order_of_outcomes_wherever_it_was_written(before: list[Any], after: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_history, "MAX_KEYS", 2)
        written = history_of(before)
        restored = KeyHistory.from_dict(1, written.to_dict(), written.table)
        for key, number, time in after:
            restored.add(key, [number], time)
        newest = list(dict.fromkeys(key for key, *_ in reversed(before + after) if key is not None))[:2]
        assert restored.to_dict()["keys"] == newest[::-1]
        assert np.array_equal(restored.table, history_of(before + after).table)
        dropped = {"a", "b", 7.0, ("a", 7.0)} - set(newest)
        assert all(features_of(restored, key)[0, 0] == 0 for key in dropped)


@given(OUTCOMES, st.sampled_from([1e-6, 3.0, 1e5]))
def test_it_knows_no_unit(outcomes: list[tuple[Any, float, float]], unit: float) -> None:
    plain = features_of(history_of(outcomes), "a", 7.0)
    scaled = features_of(history_of([(key, number * unit, time) for key, number, time in outcomes]), "a", 7.0)
    assert np.allclose(scaled[:, 2:], plain[:, 2:] * unit, rtol=1e-9, atol=1e-9 * unit, equal_nan=True)
    assert np.array_equal(scaled[:, :2], plain[:, :2], equal_nan=True)


def test_a_label_that_comes_late_and_out_of_order_does_not_turn_time_back() -> None:
    history = history_of([("a", 1.0, 50.0), ("a", 0.0, 20.0)])
    assert features_of(history, "a", time=60.0)[0, :2].tolist() == [2.0, 10.0]


@pytest.mark.parametrize(
    ("shares", "number", "values"), [(("b", "c"), 2.0, [0, 1]), (("b",), 9.0, [0]), ((), 1.0, []), (None, 2.5, [2.5])]
)
def test_classes_have_shares_and_numbers_a_mean(
    shares: tuple[str, ...] | None, number: float, values: list[float]
) -> None:
    keys = HistoryKeys((("shop",),), shares)
    assert keys.label_values(number) == values
    history = KeyHistory(keys.width)
    history.add("a", values, 0.0)
    assert features_of(history, "a", "b").shape == (2, len(keys.fields))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data, table: (data, table[:1]),
        lambda data, table: (data | {"keys": ["a", "a"]}, table),
        lambda data, table: (data | {"all": [1.0]}, table),
        lambda data, table: ({"keys": data["keys"]}, table),
        lambda data, table: (data, table[:, 1:]),
    ],
)
def test_what_it_did_not_write_is_refused(spoil: Any) -> None:
    history = history_of([("a", 1.0, 1.0), ("b", 0.0, 2.0)])
    with pytest.raises((KeyError, TypeError, ValueError)):
        KeyHistory.from_dict(1, *spoil(history.to_dict(), history.table))


def shops(count: int) -> Frame:
    """Rows of three shops, some without, and of two tills."""
    names = [None if row % 7 == 6 else "abc"[row % 3] for row in range(count)]
    tills = [float(row % 2) if row % 5 else None for row in range(count)]
    return Frame(
        {"shop": column("category", names), "till": column("number", tills)},
        times([row * 1000 for row in range(count)]),
    )


def test_rows_are_read_alike_whether_one_by_one_or_at_once() -> None:
    frame, numbers = shops(60), [float(row % 4 == 0) for row in range(60)]
    rows = HistoryRows.of(LAGS, frame, [None] * 60)
    at_once, one_by_one = LabelHistory(LAGS), LabelHistory(LAGS)
    rows.add_to(at_once, numbers, range(60))
    for row in range(60):
        HistoryRows.of(LAGS, frame.take([row]), [None]).add_to(one_by_one, [numbers[row]], [0])
    features = rows.features(at_once)
    assert features.shape == (60, len(LAGS.fields))
    singly = [HistoryRows.of(LAGS, frame.take([row]), [None]).features(one_by_one)[0] for row in range(60)]
    assert np.array_equal(features, np.array(singly), equal_nan=True)
    assert np.array_equal(features[6], rows.features_of_row(at_once, 6), equal_nan=True)
    of_pair = [field.name for field in LAGS.fields].index("history.shop,till.count")
    assert features[[0, 6], of_pair].tolist() == [0.0, 0.0], "a row without one of the fields has no history"
    assert features[1, of_pair] > 0
