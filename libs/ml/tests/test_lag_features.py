"""Lag features of an entity are its last known labels, as of the moment of the prediction."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.features.frame import Frame, column, times
from penstock.ml.features.lag_features import LabelHistory, Lags, lag_inputs, lag_matrix, with_lag_features

LABELS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 5).map(float)), max_size=40)
LAGS = st.builds(Lags, st.lists(st.integers(1, 6), unique=True, max_size=3).map(tuple), st.integers(0, 6))


def history_of(lags: Lags, labels: list[tuple[str | None, float]]) -> LabelHistory:
    history = LabelHistory(lags)
    for entity, number in labels:
        history.add(entity, number)
    return history


@given(LAGS, LABELS)
def test_features_are_the_last_labels_of_each_entity(lags: Lags, labels: list[tuple[str | None, float]]) -> None:
    entities = ["a", "b", None, "unheard of"]
    features = history_of(lags, labels).features(entities)
    assert features.shape == (4, len(lags.fields))
    for entity, row in zip(entities, features, strict=True):
        numbers = [number for named, number in labels if named == entity]
        expected = [numbers[-k] if k <= len(numbers) else np.nan for k in lags.labels]
        if lags.mean:
            expected.append(float(np.mean(numbers[-lags.mean :])) if numbers else np.nan)
        assert np.allclose(row, expected, equal_nan=True)


@given(LAGS, LABELS)
def test_features_that_were_read_before_follow_the_next_label(
    lags: Lags, labels: list[tuple[str | None, float]]
) -> None:
    entities, history = ["a", "b", None], LabelHistory(lags)
    for count, (entity, number) in enumerate(labels, start=1):
        history.add(entity, number)
        expected = history_of(lags, labels[:count]).features(entities)
        assert np.array_equal(history.features(entities), expected, equal_nan=True)


def test_an_entity_that_was_dropped_has_no_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.ml.features.lag_features.MAX_ENTITIES", 2)
    history = history_of(Lags((1,)), [("a", 1.0), ("b", 2.0)])
    history.features(["a", "b"])
    history.add("c", 3.0)
    assert np.array_equal(history.features(["a", "b", "c"]), [[np.nan], [2.0], [3.0]], equal_nan=True)


@given(LAGS, LABELS, LABELS)
def test_going_on_from_what_was_written_is_going_on(
    lags: Lags, before: list[tuple[str | None, float]], after: list[tuple[str | None, float]]
) -> None:
    restored = LabelHistory.from_dict(lags, history_of(lags, before).to_dict())
    for entity, number in after:
        restored.add(entity, number)
    assert restored.to_dict() == history_of(lags, before + after).to_dict()


def test_a_frame_gains_the_columns_that_the_lags_name() -> None:
    lags = Lags((1, 2), 3)
    frame = Frame({"x": column("number", [1.0, 2.0])}, times([0, 1]))
    shown = with_lag_features(frame, lags, np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]]))
    assert list(shown.columns) == ["x", "known.1", "known.2", "known.mean"]
    assert shown.columns["known.mean"].tolist() == [3.0, 6.0]


def test_lag_features_of_other_lags_in_a_prediction_are_not_used() -> None:
    matrix = lag_matrix(Lags((1, 2)), [[1.0, None], [1.0], None])
    assert np.array_equal(matrix, [[1.0, np.nan], [np.nan, np.nan], [np.nan, np.nan]], equal_nan=True)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.one_of(st.none(), st.integers(-9, 9).map(float))), max_size=30),
    st.integers(1, 6),
)
def test_a_running_mean_goes_over_the_inputs_that_are_there(events: list[tuple[str, float | None]], span: int) -> None:
    lags = Lags((1,), inputs=(("load", span), ("load", 1)))
    history = LabelHistory(lags)
    for entity, value in events:
        history.add(entity, 1.0, [np.nan if value is None else value])
    history = LabelHistory.from_dict(lags, json.loads(json.dumps(history.to_dict())))
    for entity, row in zip("ab", history.features(["a", "b"]), strict=True):
        values = [np.nan if value is None else value for named, value in events if named == entity]
        there = [value for value in values[-span:] if not np.isnan(value)]
        last = values[-1] if values else np.nan
        assert np.allclose(row[1:], [np.mean(there) if there else np.nan, last], equal_nan=True)


def test_each_input_column_is_taken_once() -> None:
    lags = Lags(inputs=(("load", 3), ("wind", 2), ("load", 12)))
    assert [field.name for field in lags.fields] == ["known.load.3", "known.wind.2", "known.load.12"]
    frame = Frame(
        {name: column("number", [place, 0.0]) for place, name in enumerate(("wind", "x", "load"))}, times([0, 1])
    )
    assert lag_inputs(frame, lags).tolist() == [[2.0, 0.0], [0.0, 0.0]]
    assert lag_inputs(frame, Lags((1,))).shape == (2, 0)
