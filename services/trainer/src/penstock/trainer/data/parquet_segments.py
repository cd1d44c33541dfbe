"""Segments: outcomes as Parquet; equal outcomes give equal bytes, so that a digest identifies a segment."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET, UnsetType

from penstock.contracts.columns import columns_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.outcome_order import EXPIRED
from penstock.contracts.records.outcomes import OUTCOME_SUFFIX, Outcome
from penstock.contracts.records.predictions import PredictionData

FIELD = "field."  # prefix of the columns that hold declared fields
ROW_GROUP = 65_536

_INSTANT = pa.timestamp("us", tz="UTC")
_PREDICTION_COLUMNS = {"served": "value", "known": "lag_features"} | {
    name: name for name in ("probabilities", "epoch", "version", "learnt_to")
}  # columns, and the fields of the prediction that they hold


def schema_of(declaration: Declaration) -> pa.Schema:
    """Offset, identity, both times, the label, the prediction with its model and lag features, and each field.

    The columns of the prediction are null in imported history, which has none; of an expired outcome all are
    null but offset, identity and revision.
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


def outcome_table(declaration: Declaration, offsets: Sequence[int], outcomes: Sequence[Outcome[Any]]) -> pa.Table:
    """The outcomes as a table in the order of their offsets, which ascend; offsets and outcomes go in pairs.

    Of an expired one there is who it is about, and the revision `EXPIRED`: a label that is joined later does not count.
    An outcome from before the task was changed, whose label or prediction is of another type, is left out.
    """
    kind = float if declaration.task == "regression" else str
    pairs = list(zip(offsets, outcomes, strict=True))
    labelled = _labelled_table(declaration, {at: outcome for at, outcome in pairs if _is_labelled(outcome, kind)})
    expired = _expired_table(labelled.schema, {at: one for at, one in pairs if one.data.status == "expired"})
    return pa.concat_tables([labelled, expired]).sort_by("offset") if len(expired) else labelled


def labelled_rows(table: pa.Table) -> int:
    """How many rows of a segment have a label."""
    return len(table) - int(table["label"].null_count)


def _expired_table(schema: pa.Schema, by_offset: Mapping[int, Outcome[Any]]) -> pa.Table:
    outcomes = list(by_offset.values())
    identity: dict[str, list[Any]] = {
        "offset": list(by_offset),
        "source": [outcome.source.removesuffix(OUTCOME_SUFFIX) for outcome in outcomes],
        "id": [outcome.id for outcome in outcomes],
        "entity": [outcome.data.entity for outcome in outcomes],
        "revision": [EXPIRED] * len(outcomes),
    }
    nothing = [None] * len(outcomes)
    arrays = [pa.array(identity.get(column.name, nothing), column.type) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _labelled_table(declaration: Declaration, by_offset: Mapping[int, Outcome[Any]]) -> pa.Table:
    labelled = list(by_offset.values())
    data = [outcome.data for outcome in labelled]
    predictions = [None if isinstance(item.prediction, UnsetType) else item.prediction for item in data]
    columns: dict[str, Any] = {
        "offset": list(by_offset),
        "source": [outcome.source.removesuffix(OUTCOME_SUFFIX) for outcome in labelled],
        "id": [outcome.id for outcome in labelled],
        "entity": [item.entity for item in data],
        "time": [outcome.time for outcome in labelled],
        "label_time": [item.label_time for item in data],
        "revision": [item.revision for item in data],
        "label": [item.label for item in data],
        **{
            column: [_value(prediction, name) for prediction in predictions]
            for column, name in _PREDICTION_COLUMNS.items()
        },
    }
    for name, values in columns_of(declaration, [item.fields for item in data]).items():
        columns[FIELD + name] = values
    schema = schema_of(declaration)
    arrays = [pa.array(columns[column.name], column.type, from_pandas=True) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _value(prediction: PredictionData | None, name: str) -> Any:
    value = None if prediction is None else getattr(prediction, name)
    return None if value is UNSET else value


def _is_labelled(outcome: Outcome[Any], kind: type[float] | type[str]) -> bool:
    data = outcome.data
    if data.status == "expired" or not isinstance(data.label, kind):
        return False
    return data.status == "imported" or isinstance(data.answer.value, kind)


class SegmentWriter:
    """Writes a segment to a temporary file: the same bytes however the rows are spread over the tables.

    In memory are the rows of one group at most, and those of the last table.
    """

    def __init__(self, schema: pa.Schema) -> None:
        lists = [(index, field) for index, field in enumerate(schema) if pa.types.is_list(field.type)]
        for index, field in lists:  # a file calls the items of a list otherwise than Arrow
            schema = schema.set(index, field.with_type(pa.list_(field.type.value_type)))
        self.rows = 0
        self.labelled = 0
        self._waiting = schema.empty_table()
        self._file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed by `close`
        self._parquet = pq.ParquetWriter(self._file, schema, compression="zstd", version="2.6")

    @property
    def waiting(self) -> int:
        """How many rows are in memory."""
        return len(self._waiting)

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self.rows += len(table)
        self.labelled += labelled_rows(table)
        self._waiting = pa.concat_tables([self._waiting, table])
        while len(self._waiting) >= ROW_GROUP:
            self._write_group()

    def finish(self) -> Path:
        """Write what is left; the file, which `close` deletes."""
        if len(self._waiting) or not self.rows:
            self._write_group()
        self._parquet.close()
        self._file.flush()
        return Path(self._file.name)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def _write_group(self) -> None:
        self._parquet.write_table(self._waiting.slice(0, ROW_GROUP).combine_chunks(), row_group_size=ROW_GROUP)
        self._waiting = self._waiting.slice(ROW_GROUP)


def to_parquet(declaration: Declaration, tables: Sequence[pa.Table]) -> bytes:
    """The tables as one segment."""
    with closing(SegmentWriter(schema_of(declaration))) as writer:
        for table in tables:
            writer.write(table)
        return writer.finish().read_bytes()


class StoredSegment:
    """A segment whose columns are read from a file when they are asked for; the file is gone when this is."""

    def __init__(self, content: bytes) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._file.write(content)
        self._parquet = pq.ParquetFile(self._file)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._parquet.schema_arrow

    def select(self, columns: Sequence[str]) -> pa.Table:
        """These columns."""
        return self._parquet.read(columns=columns, use_threads=False).select(columns)

    @property
    def block_count(self) -> int:
        """How many groups the rows are in."""
        return int(self._parquet.num_row_groups)

    def block(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one group: all columns, or these."""
        table = self._parquet.read_row_group(number, columns=columns, use_threads=False)
        return table if columns is None else table.select(columns)

    def blocks(self) -> Iterator[pa.Table]:
        """All rows, one group after the other."""
        return map(self.block, range(self.block_count))

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


def from_parquet(content: bytes) -> pa.Table:
    """The table in a file that `to_parquet` wrote."""
    return pq.read_table(pa.BufferReader(content))
