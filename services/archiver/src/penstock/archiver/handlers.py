"""Records in, rows out: for each archived topic its columns, named as people ask for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import UNSET
from numpy.typing import NDArray

from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.columns import columns_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.dead_letters import DeadLetter
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX, Outcome
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction, PredictionData
from penstock.contracts.records.rejections import REJECTION_SUFFIX, Rejection
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import (
    CONTROL_DEAD_LETTERS,
    DECISIONS,
    OUTCOMES,
    PREDICTIONS,
    REJECTED,
    STREAM_DEAD_LETTERS,
    Topic,
)

FIELD = "field."  # prefix of the columns that hold declared fields
INSTANT = pa.timestamp("us", tz="UTC")
NUMBERS = pa.list_(pa.field("element", pa.float64()))  # as a file calls the items of a list

Column = tuple[pa.DataType, Sequence[Any] | NDArray[Any]]
Columns = dict[str, Column]


def rows_of(topic: Topic[Any], stream: StreamDeclared | None, partition: int, raw: Sequence[RawRecord]) -> pa.Table:
    """One row for each record, in the order of their offsets.

    Of a record that cannot be read there are offset and log-append time; the topic's consumers tell of it.
    """
    decoded = topic.decoder(stream)(raw)
    readable = [index for index, record in enumerate(decoded) if not isinstance(record, Unreadable)]
    columns = {
        **_place(partition, [raw[index] for index in readable]),
        **_COLUMNS[topic]([decoded[index] for index in readable], stream.declaration if stream else None),
    }
    table = _table(columns)
    if len(readable) == len(raw):
        return table
    unread = [record for record, one in zip(raw, decoded, strict=True) if isinstance(one, Unreadable)]
    return pa.concat_tables([table, _unreadable_rows(table.schema, partition, unread)]).sort_by("offset")


def schema_of(topic: Topic[Any]) -> pa.Schema:
    """The columns that every file of the topic has; those of outcomes have declared fields as well.

    >>> schema_of(REJECTED).names
    ['partition', 'offset', 'appended', 'id', 'source', 'entity', 'time', 'kind', 'record', 'code', 'detail', 'field', \
'original']
    """
    return _table({**_place(0, []), **_COLUMNS[topic]([], None)}).schema


def _place(partition: int, raw: Sequence[RawRecord]) -> Columns:
    return {
        "partition": (pa.int32(), [partition] * len(raw)),
        "offset": (pa.int64(), [record.offset for record in raw]),
        "appended": (pa.timestamp("ms", tz="UTC"), [record.timestamp for record in raw]),
    }


def _unreadable_rows(schema: pa.Schema, partition: int, raw: Sequence[RawRecord]) -> pa.Table:
    nothing = {column.name: (column.type, [None] * len(raw)) for column in schema}
    return _table({**nothing, **_place(partition, raw)})


def _table(columns: Mapping[str, Column]) -> pa.Table:
    schema = pa.schema([(name, kind) for name, (kind, _) in columns.items()])
    arrays = [pa.array(values, kind, from_pandas=True) for kind, values in columns.values()]
    return pa.Table.from_arrays(arrays, schema=schema)


def _identity(records: Sequence[Any], suffix: str, entities: Sequence[str | None]) -> Columns:
    return {
        "id": (pa.string(), [record.id for record in records]),
        "source": (pa.string(), [record.source.removesuffix(suffix) for record in records]),
        "entity": (pa.string(), entities),
        "time": (INSTANT, [record.time for record in records]),
    }


def _predictions(records: Sequence[Prediction], _: Declaration | None) -> Columns:
    data = [record.data for record in records]
    return {
        **_identity(records, PREDICTION_SUFFIX, [item.entity for item in data]),
        **_values("value", [item.value for item in data]),
        **_fields(data, "probabilities", NUMBERS),
        **_attribution(data),
        **_fields(data, "model", pa.string()),
        **_fields(data, "schema", pa.int64()),
        **_fields(data, "code", pa.string()),
        **_fields(data, "route", pa.string()),
        **_fields(data, "mode", pa.string()),
        **_fields(data, "baseline", pa.bool_()),
        **_fields(data, "fallback", pa.bool_()),
        **_fields(data, "learnt_to", pa.int64()),
        **_fields(data, "lag_features", NUMBERS),
        **_fields(data, "experts", NUMBERS),
        "shadow": (pa.string(), [None if item.shadow is UNSET else _json(item.shadow) for item in data]),
    }


def _outcomes(records: Sequence[Outcome[Any]], declaration: Declaration | None) -> Columns:
    declared = declaration.fields if declaration else {}
    data = [record.data for record in records]
    predictions = [None if item.prediction is UNSET else item.prediction for item in data]
    fields = columns_of(declaration, [item.fields for item in data]) if declaration else {}
    return {
        **_identity(records, OUTCOME_SUFFIX, [item.entity for item in data]),
        **_fields(data, "status", pa.string()),
        **_values("label", [item.label for item in data], "label_number"),
        "label_time": (INSTANT, [item.label_time for item in data]),
        **_fields(data, "revision", pa.int64()),
        **_values("value", [None if item is None else item.value for item in predictions]),
        **_fields(predictions, "probabilities", NUMBERS),
        **_attribution(predictions),
        **{
            FIELD + name: (pa.string() if field.type == "category" else pa.float64(), fields[name])
            for name, field in declared.items()
        },
    }


def _rejected(records: Sequence[Rejection], _: Declaration | None) -> Columns:
    data = [record.data for record in records]
    return {
        **_identity(records, REJECTION_SUFFIX, [item.entity for item in data]),
        **_fields(data, "kind", pa.string()),
        "record": (pa.string(), [item.id for item in data]),
        **_fields(data, "code", pa.string()),
        **_fields(data, "detail", pa.string()),
        **_fields(data, "field", pa.string()),
        "original": (pa.binary(), [base64.b64decode(item.original) for item in data]),
    }


def _decisions(records: Sequence[Decision], _: Declaration | None) -> Columns:
    realised = [record.realised for record in records]
    return {
        **_identity(records, "", [None] * len(records)),
        **_fields(records, "stream", pa.string()),
        **_fields(records, "number", pa.int64()),
        **_fields(records, "verdict", pa.string()),
        **_fields(records, "reason", pa.string()),
        **_fields(records, "detail", pa.string()),
        **_fields(records, "outcomes", pa.int64()),
        "arguments": (pa.string(), [_json([a.model_dump(mode="json") for a in r.arguments]) for r in records]),
        **_fields(records, "request", pa.string()),
        **_fields(records, "expected_gain", pa.float64()),
        **_fields(records, "expected_cost", pa.float64()),
        "realised_gain": (pa.float64(), [None if gain is None else gain.value for gain in realised]),
        "realised_rows": (pa.int64(), [None if gain is None else gain.rows for gain in realised]),
        "realised_loss": (pa.string(), [None if gain is None else gain.loss for gain in realised]),
    }


def _dead_letters(records: Sequence[DeadLetter], _: Declaration | None) -> Columns:
    data = [record.data for record in records]
    return {
        **_identity(records, "", [None] * len(records)),
        "topic": (pa.string(), [item.topic for item in data]),
        "record_partition": (pa.int64(), [item.partition for item in data]),
        "record_offset": (pa.int64(), [item.offset for item in data]),
        **_fields(data, "reason", pa.string()),
        "service": (pa.string(), [item.consumer for item in data]),
        "key": (pa.binary(), [_bytes(item.key) for item in data]),
        "value": (pa.binary(), [_bytes(item.value) for item in data]),
        "headers": (pa.string(), [json.dumps(item.headers) for item in data]),
    }


_COLUMNS: Mapping[Topic[Any], Callable[[Sequence[Any], Declaration | None], Columns]] = {
    PREDICTIONS: _predictions,
    OUTCOMES: _outcomes,
    REJECTED: _rejected,
    DECISIONS: _decisions,
    STREAM_DEAD_LETTERS: _dead_letters,
    CONTROL_DEAD_LETTERS: _dead_letters,
}


def _attribution(predictions: Sequence[PredictionData | None]) -> Columns:
    return {
        **_fields(predictions, "epoch", pa.int64()),
        **_fields(predictions, "version", pa.int64()),
        **_fields(predictions, "digest", pa.string()),
        **_fields(predictions, "arm", pa.string()),
    }


def _values(name: str, values: Sequence[str | float | None], number: str = "number") -> Columns:
    """Classes and numbers, of which a stream has one or the other: all as text, and the numbers as such beside."""
    return {
        name: (pa.string(), [value if value is None or isinstance(value, str) else repr(value) for value in values]),
        number: (pa.float64(), [None if isinstance(value, str) else value for value in values]),
    }


def _fields(records: Sequence[Any], name: str, kind: pa.DataType) -> Columns:
    values = [None if record is None else getattr(record, name) for record in records]
    return {name: (kind, [None if value is UNSET else value for value in values])}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value)
