"""What is known of an entity is its last labels, as of the moment of asking."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.features.frame import Frame, column, times
from penstock.ml.features.lag_features import LabelHistory, Lags, lag_inputs, lag_matrix, with_lag_features

LABELS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 5).map(float)), max_size=40)
LAGS = st.builds(Lags, st.lists(st.integers(1, 6), unique=True, max_size=3).map(tuple), st.integers(0, 6))


def folded(lags: Lags, labels: list[tuple[str | None, float]]) -> LabelHistory:
    known = LabelHistory(lags)
    for entity, number in labels:
        known.take(entity, number)
    return known


@given(LAGS, LABELS)
def test_features_are_the_last_labels_of_each_entity(lags: Lags, labels: list[tuple[str | None, float]]) -> None:
    entities = ["a", "b", None, "unheard of"]
    features = folded(lags, labels).features(entities)
    assert features.shape == (4, len(lags.fields))
    for entity, row in zip(entities, features, strict=True):
        own = [number for named, number in labels if named == entity]
        expected = [own[-k] if k <= len(own) else np.nan for k in lags.back]
        if lags.mean:
            expected.append(float(np.mean(own[-lags.mean :])) if own else np.nan)
        assert np.allclose(row, expected, equal_nan=True)


@given(LAGS, LABELS, LABELS)
def test_going_on_from_what_was_written_is_going_on(
    lags: Lags, before: list[tuple[str | None, float]], after: list[tuple[str | None, float]]
) -> None:
    restored = LabelHistory.from_dict(lags, folded(lags, before).to_dict())
    for entity, number in after:
        restored.take(entity, number)
    assert restored.to_dict() == folded(lags, before + after).to_dict()


def test_a_frame_gains_the_columns_that_the_lags_name() -> None:
    lags = Lags((1, 2), 3)
    frame = Frame({"x": column("number", [1.0, 2.0])}, times([0, 1]))
    shown = with_lag_features(frame, lags, np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]]))
    assert list(shown.columns) == ["x", "known.1", "known.2", "known.mean"]
    assert shown.columns["known.mean"].tolist() == [3.0, 6.0]


def test_what_a_prediction_says_of_other_lags_is_not_taken_for_these() -> None:
    matrix = lag_matrix(Lags((1, 2)), [[1.0, None], [1.0], None])
    assert np.array_equal(matrix, [[1.0, np.nan], [np.nan, np.nan], [np.nan, np.nan]], equal_nan=True)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.one_of(st.none(), st.integers(-9, 9).map(float))), max_size=30),
    st.integers(1, 6),
)
def test_a_running_mean_goes_over_the_inputs_that_are_there(said: list[tuple[str, float | None]], span: int) -> None:
    lags = Lags((1,), inputs=(("load", span), ("load", 1)))
    known = LabelHistory(lags)
    for entity, value in said:
        known.take(entity, 1.0, [np.nan if value is None else value])
    known = LabelHistory.from_dict(lags, json.loads(json.dumps(known.to_dict())))
    for entity, row in zip("ab", known.features(["a", "b"]), strict=True):
        own = [np.nan if value is None else value for named, value in said if named == entity]
        there = [value for value in own[-span:] if not np.isnan(value)]
        last = own[-1] if own else np.nan
        assert np.allclose(row[1:], [np.mean(there) if there else np.nan, last], equal_nan=True)


def test_the_columns_that_are_watched_are_each_taken_once() -> None:
    lags = Lags(inputs=(("load", 3), ("wind", 2), ("load", 12)))
    assert [field.name for field in lags.fields] == ["known.load.3", "known.wind.2", "known.load.12"]
    frame = Frame(
        {name: column("number", [place, 0.0]) for place, name in enumerate(("wind", "x", "load"))}, times([0, 1])
    )
    assert lag_inputs(frame, lags).tolist() == [[2.0, 0.0], [0.0, 0.0]]
    assert lag_inputs(frame, Lags((1,))).shape == (2, 0)
