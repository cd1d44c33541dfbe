"""Laws of rows: dicts and the frames of every library are the same events, and what is missing is missing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.client import PenstockError
from penstock.client.batches import MOST_BYTES, batches_of, rows_of
from penstock.client.documents import DocumentWriter, EventWriter, LabelWriter

DECLARATION = {
    "fields": {"amount": {}, "terms": {}, "region": {}, "returning": {}},
    "label": {"name": "defaulted"},
    "entity": None,
    "time": {"zone": "Europe/Paris"},
}

rows_of_events = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(0, 10**6),
            "amount": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "terms": st.none() | st.integers(-(2**53), 2**53),
            "region": st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
            "returning": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=30,
)
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("amount", pa.float64()),
        ("terms", pa.int64()),
        ("region", pa.string()),
        ("returning", pa.bool_()),
    ]
)


def documents(rows: object, writer: DocumentWriter | None = None) -> list[Any]:
    """The documents that rows become."""
    batches = batches_of(rows_of(rows), writer or EventWriter(DECLARATION), 1000)
    return [json.loads(document) for batch in batches for document in batch.documents]


def refusals(rows: object, writer: DocumentWriter | None = None) -> list[tuple[int, str, str | None]]:
    """The rows that are refused before anything is sent."""
    batches = batches_of(rows_of(rows), writer or EventWriter(DECLARATION), 1000)
    return [(found.index, found.code, found.field) for batch in batches for found in batch.refused]


@settings(max_examples=25)
@given(rows_of_events)
def test_frames_and_dicts_are_the_same_events(rows: list[dict[str, Any]]) -> None:
    expected = documents(rows)
    assert [document["data"]["amount"] for document in expected] == [row["amount"] for row in rows]
    assert documents(pa.Table.from_pylist(rows, SCHEMA)) == expected
    assert documents(pl.DataFrame(pa.Table.from_pylist(rows, SCHEMA))) == expected
    assert documents(iter(rows)) == expected


@pytest.mark.parametrize("missing", [None, math.nan, np.nan, np.float32("nan"), np.datetime64("NaT")])
def test_every_missing_value_is_null(missing: object) -> None:
    assert documents({"id": "e", "amount": missing}) == [{"id": "e", "data": {"amount": None}}]
    assert LabelWriter(DECLARATION).content("e", {"id": "e", "defaulted": missing}) is None


@pytest.mark.parametrize("infinite", [math.inf, -math.inf, np.float64("inf"), np.float32("-inf")])
def test_an_infinite_number_is_refused_and_never_null(infinite: Any) -> None:
    rows = [{"amount": 1.0}, {"amount": infinite, "region": None}, {"amount": infinite}]
    assert refusals(rows) == [(1, "not_finite", "amount"), (2, "not_finite", "amount")]
    assert refusals(pl.DataFrame({"amount": [1.0, infinite]})) == [(1, "not_finite", "amount")]
    assert refusals([{"id": "e", "defaulted": infinite}], LabelWriter(DECLARATION)) == [(0, "not_finite", "value")]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (Decimal("1.50"), 1.5),
    ],
)
def test_values_of_numpy_are_those_of_python(value: object, written: object) -> None:
    assert documents({"id": "e", "amount": value}) == [{"id": "e", "data": {"amount": written}}]


@pytest.mark.parametrize(
    "value", [object(), np.zeros(2), {1, "a", object()}, b"\xff".decode("utf-8", "surrogateescape")]
)
def test_a_value_without_a_form_in_json_is_a_refusal(value: object) -> None:
    assert refusals([{"amount": 1}, {"amount": value}, {"amount": 2}]) == [(1, "wrong_type", None)]


PARIS = "2026-01-31T12:00:00.000000+01:00"


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (datetime(2026, 1, 31, 12), PARIS),
        (datetime(2026, 1, 31, 11, tzinfo=UTC), "2026-01-31T11:00:00.000000+00:00"),
        ("2026-01-31T11:00:00Z", "2026-01-31T11:00:00Z"),
        (None, None),
        (17, 17),
    ],
)
def test_a_time_without_a_zone_is_in_the_declared_one(time: object, written: object) -> None:
    assert documents({"id": "e", "time": time, "amount": 1}) == [{"id": "e", "time": written, "data": {"amount": 1}}]
    assert documents({"id": "e", "at": time}, EventWriter(DECLARATION, time_column="at")) == [
        {"id": "e", "time": written, "data": {}}
    ]


def test_a_column_that_is_declared_is_a_field_and_may_be_the_id_as_well() -> None:
    declared = DECLARATION | {"fields": {"id": {}, "time": {}, "amount": {}}}
    row = {"id": 7, "time": 8, "amount": 9, "source": "till"}
    (document,) = documents(row, EventWriter(declared))
    assert (document["source"], document["data"]) == ("till", {"id": 7, "time": 8, "amount": 9})
    assert document["id"].endswith("-0"), "one was made"
    (document,) = documents(row, EventWriter(declared, id_column="id"))
    assert (document["id"], document["data"]) == ("7", {"id": 7, "time": 8, "amount": 9})


def test_the_prediction_of_an_external_model_stands_beside_the_data() -> None:
    row = {"id": "e", "amount": 1, "prediction": "no", "modelversion": "2026-01"}
    assert documents(row) == [{"id": "e", "prediction": "no", "modelversion": "2026-01", "data": {"amount": 1}}]


def test_an_id_that_a_row_lacks_is_not_made_up() -> None:
    assert [document["id"] for document in documents([{"id": None}, {"id": math.nan}, {"id": 17.0}])] == ["", "", "17"]


def test_a_batch_of_large_rows_is_small() -> None:
    text = "x" * 900_000
    sizes = [batch.rows for batch in batches_of(({"region": text} for _ in range(12)), EventWriter(DECLARATION), 1000)]
    assert sizes == [5, 5, 2]
    assert 5 * 900_000 > MOST_BYTES > 4 * 900_000


@pytest.mark.parametrize("rows", ["id", b"id", 17, None, [1, 2], pl.LazyFrame({"id": [1]})])
def test_what_is_no_rows_is_said(rows: object) -> None:
    with pytest.raises(PenstockError, match=r"a frame of pandas, polars or pyarrow|not a dict of values by column"):
        documents(rows)


def test_rows_are_read_as_they_are_wanted() -> None:
    read: list[int] = []

    def rows() -> Iterable[dict[str, Any]]:
        for number in range(10):
            read.append(number)
            yield {"amount": number}

    next(batches_of(rows_of(rows()), EventWriter(DECLARATION), 2))
    assert read == [0, 1]
