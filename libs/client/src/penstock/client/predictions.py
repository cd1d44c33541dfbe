"""Predictions, as the server answers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import msgspec
import narwhals.stable.v2 as nw

from penstock.client.frames import Library, frame_of
from penstock.client.receipts import Refusal
from penstock.client.records import Record, Records, html_table


class Model(Record, frozen=True):
    """The model that answered."""

    name: str
    version: int
    family: str
    digest: str


class Prediction(Record, frozen=True):
    """The answer to one event: a class with the probabilities of all, or a number; and who gave it."""

    id: str
    value: str | float
    probabilities: dict[str, float] | None
    model: Model
    epoch: int


class _Problem(msgspec.Struct):
    id: str | None
    code: str
    field: str | None
    detail: str


def answer_of(place: int, raw: msgspec.Raw) -> Prediction | Refusal:
    """The prediction that the server answered to the row at a place, or its refusal."""
    try:
        return msgspec.json.decode(raw, type=Prediction)
    except msgspec.ValidationError:
        problem = msgspec.json.decode(raw, type=_Problem)
        return Refusal(place, problem.id, problem.code, problem.field, problem.detail)


class Predictions(list[Prediction | Refusal]):
    """The answer to each row, in order: its prediction, or why it was refused."""

    def __init__(self, answers: Iterable[Prediction | Refusal], rows: nw.DataFrame[Any] | None = None) -> None:
        super().__init__(answers)
        self._rows = rows

    @property
    def refused(self) -> Records[Refusal]:
        """The refusals alone."""
        return Records(answer for answer in self if isinstance(answer, Refusal))

    def to_frame(self, backend: Library | None = None) -> Any:
        """The answers as a frame of pandas, polars or pyarrow: that of the rows unless `backend` names one.

        Columns are `id`, `value`, `probability_CLASS` for each class, `version`, `epoch` and `refused`, a code. Rows
        and index are those of the frame that was asked about.
        """
        own = None if self._rows is None else str(self._rows.implementation.value)
        if backend in (None, own):
            backend = cast("Library", own or "pandas")
            return frame_of(self._columns(), backend, self._rows)
        return frame_of(self._columns(), backend or "pandas")

    def _columns(self) -> dict[str, list[Any]]:
        predictions = [answer if isinstance(answer, Prediction) else None for answer in self]
        rows = [(prediction and prediction.probabilities) or {} for prediction in predictions]
        classes = dict.fromkeys(name for row in rows for name in row)
        return {
            "id": [answer.id for answer in self],
            "value": [prediction and prediction.value for prediction in predictions],
            **{f"probability_{name}": [row.get(name) for row in rows] for name in classes},
            "version": [prediction and prediction.model.version for prediction in predictions],
            "epoch": [prediction and prediction.epoch for prediction in predictions],
            "refused": [answer.code if isinstance(answer, Refusal) else None for answer in self],
        }

    def _repr_html_(self) -> str:
        columns = self._columns()
        return html_table(list(columns), list(zip(*columns.values(), strict=True)))
