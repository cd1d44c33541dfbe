"""From archived segments to what a model learns from: one row an event, in the order of event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.class_index import class_order
from penstock.ml.features.frame import Field, Frame, Kind, column
from penstock.ml.features.lag_features import Lags, lag_inputs, lag_matrix, with_lag_features
from penstock.trainer.data.imported_history import history_first, known_then
from penstock.trainer.data.segments import FIELD, schema_of

LARGEST_GAP = 0.25  # share of the rows: labels that come all at once must leave something to learn from


@dataclass(frozen=True, eq=False)
class Rows:
    """n events by event time: the frame, their labels, the answers that were served, and when labels came.

    `label_times` is datetime64[ms], `offsets` and `learnt_to` int64, all of shape (n,). The frame also holds what was
    known of each when it was answered; `learnt_to` is the offset of the first outcome that was not (-1: nobody said).
    Imported history has no answer that was `served` (None), and `offsets` below 0, in the order of its labels' times.
    """

    frame: Frame
    labels: list[Any]
    served: list[Any]
    label_times: NDArray[np.datetime64]
    offsets: NDArray[np.int64]
    learnt_to: NDArray[np.int64]
    entities: list[str | None]

    def place_of(self, offset: int) -> int:
        """The row at which the outcomes from `offset` on begin: as many lie before it as came before them."""
        return int(np.count_nonzero(self.offsets < offset))

    def __len__(self) -> int:
        """Number of events."""
        return len(self.labels)

    @property
    def gap(self) -> int:
        """How many events lie between an event and the arrival of its label: the median, at most a quarter."""
        times = self.frame.times
        known_at = np.searchsorted(times, self.label_times, side="right")
        passed = np.maximum(known_at - np.searchsorted(times, times, side="right"), 0)
        return min(ceil(float(np.median(passed))), int(len(self) * LARGEST_GAP)) if len(self) else 0


def rows_of(declaration: Declaration, tables: Sequence[pa.Table]) -> Rows:
    """The newest revision of every event in the tables; of equal ones the first by offset stands.

    A field that a table lacks, or holds as another type, is missing there: declarations change.
    """
    whole = pa.concat_tables(_fitted(declaration, table) for table in [schema_of(declaration).empty_table(), *tables])
    whole = whole.take(_newest_revisions(whole)).sort_by([("time", "ascending"), ("offset", "ascending")])
    columns = {
        name: _column("category" if field.type == "category" else "number", whole[FIELD + name])
        for name, field in declaration.fields.items()
    }
    times, label_times = _instants(whole["time"]), _instants(whole["label_time"])
    imported = pc.is_null(whole["served"]).to_numpy()
    frame = Frame(columns, times)
    return Rows(
        with_lag_features(frame, lags_of(declaration), _known(declaration, whole, frame, imported)),
        whole["label"].to_pylist(),
        whole["served"].to_pylist(),
        label_times,
        history_first(whole["offset"].to_numpy(), label_times, imported),
        pc.fill_null(whole["learnt_to"], -1).to_numpy(),
        whole["entity"].to_pylist(),
    )


def _known(declaration: Declaration, whole: pa.Table, frame: Frame, imported: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What was known of each row: what its prediction says; of history, what would have been."""
    lags = lags_of(declaration)
    known = lag_matrix(lags, whole["known"].to_pylist())
    if lags.fields and imported.any():
        history = whole.filter(pa.array(imported))
        times, label_times = _instants(history["time"]), _instants(history["label_time"])
        numbers = numbers_of(declaration, history["label"].to_pylist())
        inputs = lag_inputs(frame.take(imported), lags)
        known[imported] = known_then(lags, history["entity"].to_pylist(), times, label_times, numbers, inputs)
    return known


def numbers_of(declaration: Declaration, labels: Sequence[Any]) -> NDArray[np.float64]:
    """Labels as known ones are written: the index of the class, or the value itself."""
    if declaration.task == "regression":
        return np.array(labels, dtype=np.float64)
    places = {name: float(place) for place, name in enumerate(class_order(labels, declaration.label.classes))}
    return np.array([places[label] for label in labels], dtype=np.float64)


def lags_of(declaration: Declaration) -> Lags:
    """The lags that the stream declares."""
    return Lags(declaration.lags.label, declaration.lags.mean, declaration.lags.running)


def feature_fields(declaration: Declaration) -> list[Field]:
    """The fields a model may see."""
    return [
        Field(name, "category" if field.type == "category" else "number")
        for name, field in declaration.features.items()
    ]


def _fitted(declaration: Declaration, table: pa.Table) -> pa.Table:
    """The columns that are needed, under the declaration of today."""
    value = pa.float64() if declaration.task == "regression" else pa.string()
    wanted = {"label": value, "served": value, "learnt_to": pa.int64(), "known": pa.list_(pa.float64())}
    wanted |= {
        FIELD + name: pa.string() if field.type == "category" else pa.float64()
        for name, field in declaration.fields.items()
    }
    fixed = table.select(["offset", "source", "id", "entity", "time", "label_time", "revision"])
    for name, kind in wanted.items():
        fits = name in table.column_names and table.schema.field(name).type == kind
        fixed = fixed.append_column(name, table[name] if fits else pa.nulls(len(table), kind))
    return fixed.filter(pc.is_valid(fixed["label"]))  # where an answer was of another task, so was the label


def _newest_revisions(table: pa.Table) -> pa.Array:
    """Places of the rows that count."""
    newest: dict[tuple[Any, ...], int] = {}
    offsets, revisions = table["offset"].to_pylist(), table["revision"].to_pylist()
    events = zip(*(table[name].to_pylist() for name in ("source", "entity", "id")), strict=True)
    for place, event in enumerate(events):
        known = newest.setdefault(event, place)
        if (revisions[place], -offsets[place]) > (revisions[known], -offsets[known]):
            newest[event] = place
    return pa.array(newest.values(), pa.int64())


def _column(kind: Kind, values: pa.ChunkedArray) -> NDArray[Any]:
    return column(kind, values.to_pylist())


def _instants(values: pa.ChunkedArray) -> NDArray[np.datetime64]:
    return values.cast(pa.timestamp("ms"), safe=False).to_numpy()  # type: ignore[no-any-return]
