"""The training rows: one row for each labelled event in the archived segments, in the order of event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.class_index import ClassIndex, class_order
from penstock.ml.features.frame import Field, Frame, Kind, column
from penstock.ml.features.lag_features import Lags, lag_inputs, lag_matrix, with_lag_features
from penstock.ml.models.training_data import TrainingData
from penstock.trainer.data.imported_history import offsets_with_history_first
from penstock.trainer.data.lag_replay import LabelTimeline, replay_lag_features
from penstock.trainer.data.parquet_segments import FIELD, schema_of


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """n events by event time: the frame, their labels, the champion's answers, and when labels came.

    `label_times` is datetime64[ms], `offsets` and `learnt_to` int64, all of shape (n,). The frame includes the lag
    features at prediction; `learnt_to` is the offset of the first outcome that they do not include (-1: not stated).
    Imported history has no champion's answer (None), and `offsets` below 0, in the order of its labels' times.
    """

    frame: Frame
    labels: list[Any]
    champion_answers: list[Any]
    label_times: NDArray[np.datetime64]
    offsets: NDArray[np.int64]
    learnt_to: NDArray[np.int64]
    entities: list[str | None]

    def first_row_since(self, offset: int) -> int:
        """The row at which the outcomes from `offset` on begin: as many rows lie before it as outcomes came before."""
        return int(np.count_nonzero(self.offsets < offset))

    def __len__(self) -> int:
        """Number of events."""
        return len(self.labels)

    @cached_property
    def known_at(self) -> NDArray[np.intp]:
        """For each label the first row whose event came after it, n where none did: shape (n,).

        Of equal times nobody can tell which came first: there the label counts as unknown, as in lag features.
        """
        return np.searchsorted(self.frame.times, self.label_times, side="right")

    def training_data(self, declaration: Declaration) -> TrainingData:
        """The rows as models are fitted on them."""
        return TrainingData(
            self.frame,
            self.labels,
            feature_fields(declaration),
            declaration.task,
            classes=declaration.label.classes,
            time_parts=declaration.time.parts,
            zone=declaration.time.zone,
            lag_fields=Lags.of(declaration.lags).fields,
        )

    def label_timeline(self, declaration: Declaration) -> LabelTimeline:
        """The labels in the order of their outcomes' offsets."""
        inputs = lag_inputs(self.frame, Lags.of(declaration.lags))
        return LabelTimeline(self.entities, label_numbers(declaration, self.labels), inputs, self.offsets)


def rows_of(declaration: Declaration, tables: Sequence[pa.Table]) -> TrainingRows:
    """The newest revision of every event in the tables; of equal revisions the first by offset counts.

    A field that a table lacks, or has as another type, is missing there: declarations change.
    """
    table = pa.concat_tables(_conform(declaration, part) for part in [schema_of(declaration).empty_table(), *tables])
    table = table.take(_newest_revisions(table)).sort_by([("time", "ascending"), ("offset", "ascending")])
    columns = {
        name: _column("category" if field.type == "category" else "number", table[FIELD + name])
        for name, field in declaration.fields.items()
    }
    times, label_times = _instants(table["time"]), _instants(table["label_time"])
    imported = pc.is_null(table["served"]).to_numpy()
    frame = Frame(columns, times)
    return TrainingRows(
        with_lag_features(frame, Lags.of(declaration.lags), _lag_features(declaration, table, frame, imported)),
        _objects(table["label"]),
        _objects(table["served"]),
        label_times,
        offsets_with_history_first(table["offset"].to_numpy(), label_times, imported),
        pc.fill_null(table["learnt_to"], -1).to_numpy(),
        _objects(table["entity"]),
    )


def _lag_features(
    declaration: Declaration, table: pa.Table, frame: Frame, imported: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The lag features of each row, shape (n, d): as its prediction carries them; replayed for imported history."""
    lags = Lags.of(declaration.lags)
    features = lag_matrix(lags, table["known"].to_pylist())
    if lags.fields and imported.any():
        history = table.filter(pa.array(imported))
        entities = history["entity"].to_pylist()
        numbers = label_numbers(declaration, history["label"].to_pylist())
        inputs = lag_inputs(frame.take(imported), lags)
        timeline = LabelTimeline(entities, numbers, inputs, _instants(history["label_time"]))
        features[imported] = replay_lag_features(lags, timeline, entities, _instants(history["time"]))
    return features


def label_numbers(declaration: Declaration, labels: Sequence[Any]) -> NDArray[np.float64]:
    """Labels as lag features and blends take them: the index of the class, or the number itself."""
    return ClassIndex(label_classes(declaration, labels)).numbers(labels)


def label_classes(declaration: Declaration, labels: Sequence[Any]) -> tuple[str, ...]:
    """The declared classes, then those that occur only among the labels; none for a regression."""
    return () if declaration.task == "regression" else class_order(labels, declaration.label.classes)


def feature_fields(declaration: Declaration) -> list[Field]:
    """The fields that a model may use."""
    return [
        Field(name, "category" if field.type == "category" else "number")
        for name, field in declaration.features.items()
    ]


def _conform(declaration: Declaration, table: pa.Table) -> pa.Table:
    """The table's columns under today's declaration."""
    value = pa.float64() if declaration.task == "regression" else pa.string()
    types = {"label": value, "served": value, "learnt_to": pa.int64(), "known": pa.list_(pa.float64())}
    types |= {
        FIELD + name: pa.string() if field.type == "category" else pa.float64()
        for name, field in declaration.fields.items()
    }
    result = table.select(["offset", "source", "id", "entity", "time", "label_time", "revision"])
    for name, kind in types.items():
        fits = name in table.column_names and table.schema.field(name).type == kind
        result = result.append_column(name, table[name] if fits else pa.nulls(len(table), kind))
    return result.filter(pc.is_valid(result["label"]))  # where an answer was of another task, so was the label


def _newest_revisions(table: pa.Table) -> pa.Array:
    """Indices of the rows that count."""
    order = pc.sort_indices(table, sort_keys=[("revision", "descending"), ("offset", "ascending")])
    events = table.select(["source", "entity", "id"]).take(order).append_column("row", order)
    first = events.group_by(["source", "entity", "id"], use_threads=False).aggregate([("row", "first")])
    return first["row_first"]


def _column(kind: Kind, values: pa.ChunkedArray) -> NDArray[Any]:
    return column(kind, _objects(values)) if kind == "category" else values.to_numpy()


def _objects(values: pa.ChunkedArray) -> list[Any]:
    """The values, None where one is missing; equal texts are one object, not one for each row."""
    if not pa.types.is_string(values.type):
        return values.to_pylist()  # type: ignore[no-any-return]
    encoded = pa.concat_arrays(values.chunks or [pa.array([], values.type)]).dictionary_encode()
    texts = [*encoded.dictionary.to_pylist(), None]
    return [texts[code] for code in pc.fill_null(encoded.indices, -1).to_pylist()]


def _instants(values: pa.ChunkedArray) -> NDArray[np.datetime64]:
    return values.cast(pa.timestamp("ms"), safe=False).to_numpy()  # type: ignore[no-any-return]
