"""Outcomes as Parquet: equal outcomes are equal bytes, so a segment can be known by its digest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET, UnsetType

from penstock.contracts.columns import columns_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX, Outcome
from penstock.contracts.records.predictions import PredictionData

FIELD = "field."  # prefix of the columns that hold declared fields
ROW_GROUP = 65_536

_INSTANT = pa.timestamp("us", tz="UTC")
_ANSWER = {"served": "value"} | {
    name: name for name in ("probabilities", "epoch", "version", "learnt_to", "known")
}  # columns, and what they hold of the answer


def schema_of(declaration: Declaration) -> pa.Schema:
    """Offset, identity, both times, truth, the answer served, by which model, on what knowledge, and each field.

    All that concerns the answer is null in imported history, which nobody was asked about.
    """
    value = pa.float64() if declaration.task == "regression" else pa.string()
    fixed = {
        "offset": pa.int64(),
        "source": pa.string(),
        "id": pa.string(),
        "entity": pa.string(),
        "time": _INSTANT,
        "label_time": _INSTANT,
        "revision": pa.int64(),
        "label": value,
        "served": value,
        "probabilities": pa.list_(pa.float64()),
        "epoch": pa.int64(),
        "version": pa.int64(),
        "learnt_to": pa.int64(),
        "known": pa.list_(pa.float64()),
    }
    fields = {
        FIELD + name: pa.string() if field.type == "category" else pa.float64()
        for name, field in declaration.fields.items()
    }
    return pa.schema(list({**fixed, **fields}.items()))


def table_of(declaration: Declaration, offsets: Sequence[int], outcomes: Sequence[Outcome[Any]]) -> pa.Table:
    """The labelled ones among the outcomes as a table; offsets and outcomes go in pairs.

    An outcome from before the task was what it is now, whose label or answer is of another type, is left out.
    """
    kind = float if declaration.task == "regression" else str
    labelled = [(offset, o) for offset, o in zip(offsets, outcomes, strict=True) if _is_labelled(o, kind)]
    kept = [outcome for _, outcome in labelled]
    data = [outcome.data for outcome in kept]
    answers = [None if isinstance(item.prediction, UnsetType) else item.prediction for item in data]
    columns: dict[str, Any] = {
        "offset": [offset for offset, _ in labelled],
        "source": [outcome.source.removesuffix(OUTCOME_SUFFIX) for outcome in kept],
        "id": [outcome.id for outcome in kept],
        "entity": [item.entity for item in data],
        "time": [outcome.time for outcome in kept],
        "label_time": [item.label_time for item in data],
        "revision": [item.revision for item in data],
        "label": [item.label for item in data],
        **{column: [_said(answer, name) for answer in answers] for column, name in _ANSWER.items()},
    }
    for name, values in columns_of(declaration, [item.fields for item in data]).items():
        columns[FIELD + name] = values
    schema = schema_of(declaration)
    arrays = [pa.array(columns[column.name], column.type, from_pandas=True) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _said(answer: PredictionData | None, name: str) -> Any:
    value = None if answer is None else getattr(answer, name)
    return None if value is UNSET else value


def _is_labelled(outcome: Outcome[Any], kind: type[float] | type[str]) -> bool:
    data = outcome.data
    if data.status == "expired" or not isinstance(data.label, kind):
        return False
    return data.status == "imported" or isinstance(data.answer.value, kind)


def to_parquet(declaration: Declaration, tables: Sequence[pa.Table]) -> bytes:
    """The tables as one Parquet file. How the rows were spread over the tables leaves no mark."""
    schema = schema_of(declaration)
    whole = pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()
    sink = pa.BufferOutputStream()
    pq.write_table(whole, sink, row_group_size=ROW_GROUP, compression="zstd", version="2.6")
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def from_parquet(content: bytes) -> pa.Table:
    """The table in a file that `to_parquet` wrote."""
    return pq.read_table(pa.BufferReader(content))
