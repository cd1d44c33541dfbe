"""The training rows: one row for each labelled event in the archived segments, in the order of event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.outcome_order import EXPIRED
from penstock.ml.features.class_index import ClassIndex, class_order
from penstock.ml.features.frame import Field, Frame, column
from penstock.ml.features.history_rows import HistoryRows
from penstock.ml.features.lag_features import LabelHistory, Lags, with_lag_features
from penstock.ml.metrics.regression_loss import RegressionLoss, regression_loss
from penstock.ml.models.training_data import TrainingData
from penstock.trainer.data.earlier_history import EarlierHistory
from penstock.trainer.data.imported_history import offsets_with_history_first
from penstock.trainer.data.lag_replay import LabelTimeline, replay_lag_features
from penstock.trainer.data.parquet_segments import FIELD, schema_of


@dataclass(frozen=True, eq=False)
class ExternalAnswers:
    """The m `rows` that an external model answered, ascending, its values, and what probabilities came with them."""

    rows: NDArray[np.intp]
    values: list[Any]
    probabilities: list[list[float] | None]


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """n events by event time: the frame, their labels, and when labels came.

    `label_times` is datetime64[ms], `offsets` and `learnt_to` int64, all of shape (n,). The frame includes the lag
    features at prediction; `learnt_to` is the offset of the first outcome that they do not include (-1: not stated).
    Imported history has `offsets` below 0, in the order of its labels' times. `first_offset` is that of the first
    outcome that was read: 0 unless older ones were left out; `earlier` is what was known of these, if it is known.
    `external` is there where the stream's model is external.
    """

    frame: Frame
    labels: list[Any]
    label_times: NDArray[np.datetime64]
    offsets: NDArray[np.int64]
    learnt_to: NDArray[np.int64]
    entities: list[str | None]
    first_offset: int = 0
    earlier: EarlierHistory | None = None
    external: ExternalAnswers | None = None

    def first_row_since(self, offset: int) -> int:
        """The row at which the outcomes from `offset` on begin: as many rows lie before it as outcomes came before."""
        return int(np.count_nonzero(self.offsets < offset))

    def in_offset_order(self, since: int | None = None) -> NDArray[np.intp]:
        """The rows in the order of their outcomes: all, or those at offset `since` or later."""
        order = np.argsort(self.offsets, kind="stable")
        return order if since is None else order[self.offsets[order] >= since]

    def known_counts(self, ordered: NDArray[np.intp]) -> NDArray[np.int64]:
        """How many of these rows, ordered by offset, from the first on, were known at each of their predictions.

        Where a prediction does not state it: those before the first whose label did not come before the event. No row
        is learnt before it is answered, whatever times its label names.
        """
        offsets, learnt_to = self.offsets[ordered], self.learnt_to[ordered]
        stated = np.searchsorted(offsets, learnt_to, side="left")
        label_times = np.maximum.accumulate(self.label_times[ordered])
        known = np.searchsorted(label_times, self.frame.times[ordered], side="left")
        return np.minimum(np.where(learnt_to < 0, known, stated), np.arange(len(ordered)))

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
            lag_fields=Lags.of(declaration).fields,
            loss=fit_loss(declaration),
            label_times=self.label_times,
        )

    def label_history(self, declaration: Declaration) -> LabelHistory:
        """What is known once the outcomes of all rows have come, in their order."""
        timeline, earlier = self.label_timeline(declaration), self.earlier
        history = LabelHistory(Lags.of(declaration)) if earlier is None else earlier.copy()
        order = self.in_offset_order(None if earlier is None else earlier.learnt_to)
        timeline.rows.add_to(history, timeline.numbers.tolist(), order)
        return history

    def label_timeline(self, declaration: Declaration) -> LabelTimeline:
        """The labels in the order of their outcomes' offsets."""
        rows = HistoryRows.of(Lags.of(declaration), self.frame, self.entities)
        return LabelTimeline(rows, label_numbers(declaration, self.labels), self.offsets)


class ColumnSource(Protocol):
    """Outcomes whose columns are read when they are asked for: a table, or a segment."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    def select(self, columns: Sequence[str]) -> pa.Table:
        """These columns."""


def rows_of(declaration: Declaration, sources: Sequence[ColumnSource]) -> TrainingRows:
    """The newest revision of every event in the sources; of equal revisions the first by offset counts.

    Of an event that expired first none does (`penstock.contracts.outcome_order`).

    A field that a source lacks, or has as another type, is missing there: declarations change. Columns are read one
    after the other, and what is kept of each is numbers or references: no table of all of them is ever in memory.
    """
    outcomes = _Outcomes(declaration, sources)
    times, label_times = _instants(outcomes.column("time")), _instants(outcomes.column("label_time"))
    imported = pc.is_null(outcomes.column("served")).to_numpy()
    labels, entities = _objects(outcomes.column("label")).tolist(), _objects(outcomes.column("entity")).tolist()
    frame = Frame({name: outcomes.field(name) for name in declaration.fields}, times)
    lag_features = _lag_features(declaration, outcomes, labels, entities, frame, label_times, imported)
    return TrainingRows(
        with_lag_features(frame, Lags.of(declaration), lag_features),
        labels,
        label_times,
        offsets_with_history_first(outcomes.column("offset").to_numpy(), label_times, imported),
        pc.fill_null(outcomes.column("learnt_to"), -1).to_numpy(),
        entities,
        external=_external_answers(outcomes) if declaration.serving.external else None,
    )


class _Outcomes:
    """The columns of the outcomes that count, in the order of event time."""

    def __init__(self, declaration: Declaration, sources: Sequence[ColumnSource]) -> None:
        schema = schema_of(declaration)
        self._declaration = declaration
        self._types = {column.name: column.type for column in schema}
        self._sources = [schema.empty_table(), *sources]
        self._rows = self._rows_that_count()

    def column(self, name: str) -> pa.ChunkedArray:
        """A column under today's declaration."""
        return self._read(name).take(self._rows)

    def field(self, name: str) -> NDArray[Any]:
        """A declared field as a column of a frame."""
        values = self.column(FIELD + name)
        is_category = self._declaration.fields[name].type == "category"
        return _objects(values) if is_category else np.asarray(values.to_numpy())

    def _read(self, name: str) -> pa.ChunkedArray:
        kind = self._types[name]
        return pa.chunked_array([chunk for source in self._sources for chunk in _chunks(source, name, kind)], kind)

    def _rows_that_count(self) -> NDArray[np.int64]:
        """The number of each event's newest revision among all rows, by event time, then by offset."""
        labelled = pc.is_valid(self._read("label"))  # where an answer was of another task, so was the label
        names = ["source", "entity", "id", "revision", "offset"]
        table = pa.table({name: self._read(name) for name in names}).append_column("row", _numbers(len(labelled)))
        newest = _newest_revisions(table.filter(pc.or_(labelled, pc.equal(table["revision"], EXPIRED))))
        del table
        moments = {"time": self._read("time").take(newest), "offset": self._read("offset").take(newest)}
        order = pc.sort_indices(pa.table(moments), sort_keys=[("time", "ascending"), ("offset", "ascending")])
        return newest.to_numpy()[order.to_numpy()]  # type: ignore[no-any-return]


def _external_answers(outcomes: _Outcomes) -> ExternalAnswers:
    rows = np.flatnonzero(pc.fill_null(pc.less(outcomes.column("version"), 0), False).to_numpy())
    values, probabilities = outcomes.column("served").take(rows), outcomes.column("probabilities").take(rows)
    return ExternalAnswers(rows, values.to_pylist(), probabilities.to_pylist())


def _chunks(source: ColumnSource, name: str, kind: pa.DataType) -> list[pa.Array]:
    """A column of a source, all missing where the source has none of this type."""
    position = source.schema.get_field_index(name)
    if position >= 0 and source.schema.field(position).type == kind:
        return source.select([name])[name].chunks  # type: ignore[no-any-return]
    return [pa.nulls(len(source.select(["offset"])), kind)]


def _numbers(count: int) -> pa.Array:
    return pa.array(np.arange(count))


def _newest_revisions(table: pa.Table) -> pa.ChunkedArray:
    """The `row` of each event that counts: those of joined outcomes come before that of an expired one."""
    order = pc.sort_indices(table, sort_keys=[("revision", "descending"), ("offset", "ascending")])
    expired_at = pc.if_else(pc.equal(table["revision"], EXPIRED), table["offset"], None)
    columns = ["source", "entity", "id", "offset", "row"]
    events = table.select(columns).append_column("expired_at", expired_at).take(order)
    ends = events.group_by(["source", "entity", "id"], use_threads=False).aggregate(
        [("row", "first"), ("offset", "min"), ("expired_at", "min")]
    )
    has_expired = pc.fill_null(pc.equal(ends["expired_at_min"], ends["offset_min"]), False)
    return ends.filter(pc.invert(has_expired))["row_first"]


def _lag_features(
    declaration: Declaration,
    outcomes: _Outcomes,
    labels: list[Any],
    entities: list[str | None],
    frame: Frame,
    label_times: NDArray[np.datetime64],
    imported: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The lag features of each row, shape (n, d): as its prediction carries them; replayed for imported history."""
    lags = Lags.of(declaration)
    if not lags.fields:
        return np.empty((len(frame), 0))
    features = _matrix(outcomes.column("known"), len(lags.fields))
    if imported.any():
        rows = np.flatnonzero(imported)
        of_history = [entities[row] for row in rows]
        numbers = label_numbers(declaration, [labels[row] for row in rows])
        timeline = LabelTimeline(HistoryRows.of(lags, frame.take(rows), of_history), numbers, label_times[rows])
        features[rows] = replay_lag_features(lags, timeline, np.arange(len(rows)), frame.times[rows])
    return features


def _matrix(lists: pa.ChunkedArray, width: int) -> NDArray[np.float64]:
    """Lists of numbers as rows, shape (n, width); NaN for a list that is missing or of another length."""
    rows = np.full((len(lists), width), np.nan)
    fits = pc.fill_null(pc.equal(pc.list_value_length(lists), width), False)
    rows[fits.to_numpy()] = pc.list_flatten(lists.filter(fits)).to_numpy().reshape(-1, width)
    return rows


def label_numbers(declaration: Declaration, labels: Sequence[Any]) -> NDArray[np.float64]:
    """Labels as lag features and blends take them: the index of the class, or the number itself."""
    return ClassIndex(label_classes(declaration, labels)).numbers(labels)


def label_classes(declaration: Declaration, labels: Sequence[Any]) -> tuple[str, ...]:
    """The declared classes, then those that occur only among the labels; none for a regression."""
    return () if declaration.task == "regression" else class_order(labels, declaration.label.classes)


def fit_loss(declaration: Declaration) -> RegressionLoss:
    """The loss by which models of numbers are fitted."""
    return regression_loss(declaration.metric, declaration.objective.quantile if declaration.objective else 0.5)


def feature_fields(declaration: Declaration) -> list[Field]:
    """The fields that a model may use."""
    return [
        Field(name, "category" if field.type == "category" else "number")
        for name, field in declaration.features.items()
    ]


def _objects(values: pa.ChunkedArray) -> NDArray[Any]:
    """The values as objects, None where one is missing; equal texts are one object, not one for each row."""
    if not pa.types.is_string(values.type):
        return column("category", values.to_pylist())
    encoded = pa.concat_arrays(values.chunks or [pa.array([], values.type)]).dictionary_encode()
    texts = column("category", [*encoded.dictionary.to_pylist(), None])
    return np.asarray(texts[pc.fill_null(encoded.indices, len(texts) - 1).to_numpy()])


def _instants(values: pa.ChunkedArray) -> NDArray[np.datetime64]:
    return values.cast(pa.timestamp("ms"), safe=False).to_numpy()  # type: ignore[no-any-return]
