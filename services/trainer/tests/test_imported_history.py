"""Imported history in a dataset: its order, its lag features, and that it does not count in evaluations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from penstock.ml.features.frame import Frame
from penstock.ml.features.history_rows import HistoryRows
from penstock.ml.features.key_history import HistoryKeys
from penstock.ml.features.lag_features import Lags
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.lag_replay import LabelTimeline, replay_lag_features
from penstock.trainer.data.parquet_segments import from_parquet, outcome_table, to_parquet

from .conftest import START, declaration, outcomes

STREAM = declaration(lags={"label": [1]})


def history(found: list[Any]) -> list[Any]:
    """The same as history that was imported."""
    data = [replace(one.data, prediction=UNSET, status="imported") for one in found]
    return [replace(one, source="import/power#outcome", data=part) for one, part in zip(found, data, strict=True)]


def rows(outcome_list: list[Any], first: int = 0) -> Any:
    return rows_of(STREAM, [outcome_table(STREAM, range(first, first + len(outcome_list)), outcome_list)])


def test_a_segment_holds_history_without_an_answer() -> None:
    (row,) = from_parquet(to_parquet(STREAM, [outcome_table(STREAM, [4], history(outcomes(STREAM, 1)))])).to_pylist()
    assert (row["offset"], row["source"], row["label"]) == (4, "import/power", outcomes(STREAM, 1)[0].data.label)
    assert {row[name] for name in ("served", "epoch", "version", "learnt_to")} == {None}


def test_history_comes_before_predicted_events_in_the_order_of_its_labels() -> None:
    past, live = history(outcomes(STREAM, 5)), outcomes(STREAM, 3, first=5)
    found = rows([live[0], past[3], past[1], live[1], past[0], past[4], past[2], live[2]])
    assert found.offsets.tolist() == [-5, -4, -3, -2, -1, 0, 3, 7]
    assert found.first_row_since(3) == 6


def test_lag_features_of_history_are_those_it_would_have_had_live() -> None:
    found = rows(history(outcomes(STREAM, 40, delay=10)))
    known = found.frame.columns["known.1"]
    assert np.isnan(known[:11]).all()
    numbers = [float(label == "yes") for label in found.labels]
    assert known[11:].tolist() == numbers[:29]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10), st.sampled_from("ab"), st.floats(0, 1)), max_size=25),
    st.integers(0, 30),
)
def test_no_later_label_leaks_into_lag_features(outcome_list: list[tuple[int, int, str, float]], cut: int) -> None:
    outcome_list = sorted(outcome_list, key=lambda row: row[0])
    times = np.array([row[0] for row in outcome_list], dtype="M8[ms]")
    late = np.array([row[0] + row[1] for row in outcome_list], dtype="M8[ms]")
    entities, numbers = [row[2] for row in outcome_list], np.array([row[3] for row in outcome_list])
    lags = Lags((1, 2), 3, history=HistoryKeys((("shop",), ("shop", "till"))))
    frame = Frame({"shop": np.array(entities, dtype=object), "till": numbers.round()}, times)

    def features(numbers: np.ndarray) -> np.ndarray:
        timeline = LabelTimeline(HistoryRows.of(lags, frame, entities), numbers, late)
        return replay_lag_features(lags, timeline, range(len(times)), times)

    later = late >= np.datetime64(cut, "ms")
    before, after = features(numbers), features(np.where(later, 9.0, numbers))
    early = times <= np.datetime64(cut, "ms")
    assert np.array_equal(before[early], after[early], equal_nan=True)


def test_a_label_that_was_never_known_in_time_is_no_feature() -> None:
    outcome_list = [
        replace(one, time=START, data=replace(one.data, label_time=START + timedelta(days=1)))
        for one in outcomes(STREAM, 5)
    ]
    assert np.isnan(rows(history(outcome_list)).frame.columns["known.1"]).all()
