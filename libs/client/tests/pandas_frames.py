"""Laws of pandas' frames, which `test_pandas` runs where pandas is."""

from __future__ import annotations

import io
import math
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

from libs.client.tests.test_rows import DECLARATION, PARIS, documents, refusals, rows_of_events
from libs.client.tests.test_synchronous import client
from penstock.client.documents import LabelWriter
from penstock.client.parquet_frames import frame_of_parquet

TYPES = {"id": "int64", "amount": "float64", "terms": "Int64", "region": "object", "returning": "boolean"}


@settings(max_examples=25, deadline=None)
@given(rows_of_events)
def test_frames_and_dicts_are_the_same_events(rows: list[dict[str, Any]]) -> None:
    expected = documents(rows)
    assert documents(pd.DataFrame(rows).astype(TYPES)) == expected
    assert documents(pd.DataFrame(rows, dtype=object)) == expected


@pytest.mark.parametrize("missing", [math.nan, pd.NA, pd.NaT])
def test_every_missing_value_is_null(missing: object) -> None:
    assert documents({"id": "e", "amount": missing}) == [{"id": "e", "data": {"amount": None}}]
    assert LabelWriter(DECLARATION).content("e", {"id": "e", "defaulted": missing}) is None


def test_an_infinite_number_is_refused_and_never_null() -> None:
    frame = pd.DataFrame({"amount": [1.0, math.inf, 2.0], "terms": pd.array([pd.NA, pd.NA, 1], dtype="Int64")})
    assert refusals(frame) == [(1, "not_finite", "amount")]


def test_times_and_categories_are_those_of_python() -> None:
    times = pd.to_datetime(["2026-01-31T12:00", None])
    frame = pd.DataFrame({"id": [1, 2], "time": times, "region": pd.Categorical(["north", None])})
    assert documents(frame) == [
        {"id": "1", "time": PARIS, "data": {"region": "north"}},
        {"id": "2", "time": None, "data": {"region": None}},
    ]
    aware = pd.DataFrame({"id": ["a"], "time": [datetime(2026, 1, 31, 11, tzinfo=UTC)]})
    assert documents(aware) == [{"id": "a", "time": "2026-01-31T11:00:00.000000+00:00", "data": {}}]


def test_predictions_have_the_index_of_the_rows() -> None:
    frame = pd.DataFrame({"amount": [5.0, 20.0, float("nan")]}, index=["a", "b", "c"])
    with client() as penstock:
        answers = penstock.stream("loans").predict(frame)
    frame["yes"] = answers.to_frame()["probability_yes"]
    assert frame["yes"].tolist()[:2] == [0.1, 0.9]
    assert answers.to_frame()["refused"].tolist()[2] == "missing_field"
    assert list(answers.to_frame("polars").columns) == list(answers.to_frame().columns)


def test_what_is_downloaded_is_a_frame_of_pandas() -> None:
    file = io.BytesIO()
    pd.DataFrame({"id": ["a", "b"], "amount": [1.5, None]}).to_parquet(file)
    frame = frame_of_parquet(file.getvalue(), "pandas")
    assert isinstance(frame, pd.DataFrame)
    assert frame["amount"].isna().tolist() == [False, True]
