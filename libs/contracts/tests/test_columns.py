"""Columns hold the same values as the payloads they are made from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.columns import columns_of, table_of, times_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.payloads import payload_type

DECLARATION = Declaration.model_validate(
    {
        "name": "s",
        "task": "binary",
        "label": {"name": "y", "classes": ["0", "1"]},
        "fields": {"x": {"type": "number"}, "on": {"type": "boolean"}, "kind": {"type": "category"}},
    }
)
rows = st.fixed_dictionaries(
    {},
    optional={
        "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "on": st.none() | st.booleans(),
        "kind": st.none() | st.text(max_size=5),
    },
)


@given(st.lists(rows, max_size=6))
def test_columns_hold_the_values_of_each_row(rows: list[dict[str, Any]]) -> None:
    columns = columns_of(DECLARATION, [msgspec.convert(row, payload_type(DECLARATION)) for row in rows])
    assert list(columns) == ["x", "on", "kind"]
    assert all(column.shape == (len(rows),) for column in columns.values())
    for index, row in enumerate(rows):
        for name in ("x", "on"):
            value = row.get(name)
            np.testing.assert_equal(columns[name][index], np.nan if value is None else float(value))
        assert columns["kind"][index] == row.get("kind")


@given(st.lists(rows, max_size=6))
def test_a_table_holds_what_the_columns_hold(rows: list[dict[str, Any]]) -> None:
    payloads = [msgspec.convert(row, payload_type(DECLARATION)) for row in rows]
    table, columns = table_of(DECLARATION, payloads), columns_of(DECLARATION, payloads)
    assert table.matrix.shape == (len(rows), 2)
    np.testing.assert_equal(dict(zip(table.names, table.matrix.T, strict=True)), {n: columns[n] for n in ("x", "on")})
    assert {name: values.tolist() for name, values in table.categories.items()} == {"kind": columns["kind"].tolist()}


whole_milliseconds = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
    lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000, tzinfo=UTC)
)


@given(whole_milliseconds, st.integers(-23, 23))
def test_a_time_is_the_same_instant_in_any_zone(instant: datetime, hours: int) -> None:
    in_other_zone = instant.astimezone(timezone(timedelta(hours=hours)))
    assert times_of([instant, in_other_zone]).tolist() == [instant.replace(tzinfo=None)] * 2


def test_no_events_are_empty_columns() -> None:
    assert [column.shape for column in columns_of(DECLARATION, []).values()] == [(0,), (0,), (0,)]
    assert times_of([]).shape == (0,)
