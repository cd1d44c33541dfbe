"""Imported history in a dataset: where it lies, what was known of it, and what it is not judged by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from penstock.ml.features.lag_features import Lags
from penstock.ml.models.model import ModelOutput
from penstock.ml.selection.family_selection import Selection
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.imported_history import known_then
from penstock.trainer.data.segments import from_parquet, table_of, to_parquet
from penstock.trainer.evaluation.evaluation import evaluate

from .conftest import START, declaration, outcomes

STREAM = declaration(lags={"label": [1]})


def history(found: list[Any]) -> list[Any]:
    """The same as history that was imported."""
    data = [replace(one.data, prediction=UNSET, status="imported") for one in found]
    return [replace(one, source="import/power#outcome", data=part) for one, part in zip(found, data, strict=True)]


def rows(told: list[Any], first: int = 0) -> Any:
    return rows_of(STREAM, [table_of(STREAM, range(first, first + len(told)), told)])


def test_a_segment_holds_history_without_an_answer() -> None:
    (row,) = from_parquet(to_parquet(STREAM, [table_of(STREAM, [4], history(outcomes(STREAM, 1)))])).to_pylist()
    assert (row["offset"], row["source"], row["label"]) == (4, "import/power", outcomes(STREAM, 1)[0].data.label)
    assert {row[name] for name in ("served", "epoch", "version", "learnt_to")} == {None}


def test_history_lies_before_what_was_asked_in_the_order_of_its_labels() -> None:
    past, live = history(outcomes(STREAM, 5)), outcomes(STREAM, 3, first=5)
    found = rows([live[0], past[3], past[1], live[1], past[0], past[4], past[2], live[2]])
    assert found.offsets.tolist() == [-5, -4, -3, -2, -1, 0, 3, 7]
    assert found.served[:5] == [None] * 5
    assert None not in found.served[5:]
    assert found.place_of(3) == 6


def test_what_history_knew_is_what_would_have_been_known_live() -> None:
    found = rows(history(outcomes(STREAM, 40, delay=10)))
    known = found.frame.columns["known.1"]
    assert np.isnan(known[:11]).all()
    numbers = [float(label == "yes") for label in found.labels]
    assert known[11:].tolist() == numbers[:29]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10), st.sampled_from("ab"), st.floats(0, 1)), max_size=25),
    st.integers(0, 30),
)
def test_nothing_later_leaks_into_what_was_known(told: list[tuple[int, int, str, float]], cut: int) -> None:
    told = sorted(told, key=lambda row: row[0])
    times = np.array([row[0] for row in told], dtype="M8[ms]")
    late = np.array([row[0] + row[1] for row in told], dtype="M8[ms]")
    entities, numbers = [row[2] for row in told], np.array([row[3] for row in told])
    before = known_then(Lags((1, 2), 3), entities, times, late, numbers, np.empty((len(times), 0)))
    later = late >= np.datetime64(cut, "ms")
    after = known_then(Lags((1, 2), 3), entities, times, late, np.where(later, 9.0, numbers), np.empty((len(times), 0)))
    early = times <= np.datetime64(cut, "ms")
    assert np.array_equal(before[early], after[early], equal_nan=True)


def judged(told: list[Any], said: list[str]) -> Any:
    found = rows(told)
    held = slice(len(found) - len(said), len(found))
    return evaluate(STREAM, found, Selection(scores={}, tried={}), held, ModelOutput(said, None))


def test_a_candidate_is_judged_on_what_was_asked() -> None:
    live = outcomes(STREAM, 4, first=30)
    truth = [one.data.label for one in live]
    found = judged(history(outcomes(STREAM, 30)) + live, ["neither"] * 6 + truth)
    assert (found.candidate.value, found.candidate.rows, found.gain.rows, found.baseline.rows) == (1.0, 4, 4, 4)


def test_where_nobody_was_asked_the_champion_is_a_constant() -> None:
    past = history(outcomes(STREAM, 40))
    found = judged(past, [one.data.label for one in past[-10:]])
    assert (found.candidate.value, found.candidate.rows) == (1.0, 10)
    assert found.champion == found.baseline


def test_a_label_that_was_never_known_in_time_is_no_feature() -> None:
    told = [
        replace(one, time=START, data=replace(one.data, label_time=START + timedelta(days=1)))
        for one in outcomes(STREAM, 5)
    ]
    assert np.isnan(rows(history(told)).frame.columns["known.1"]).all()
