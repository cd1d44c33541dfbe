"""The encoder of a model: frames into matrices of numbers, fitted once and kept as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Field, Frame
from penstock.ml.features.local_times import local_times
from penstock.ml.features.target_statistics import TargetStatistics, most_frequent

TimePart = Literal["hour", "weekday", "yearday", "month"]

MAX_VOCABULARY = 200


class WrongFields(ValueError):
    """The frame does not hold the fields that the model was fitted with."""


@dataclass(frozen=True)
class Encoder:
    """A fitted, data-only map from a frame of n rows to a float64 matrix of shape (n, d).

    Numbers stay as they are and NaN stays NaN. Categories become codes 0, 1, ... of a vocabulary of the most
    frequent texts seen in fitting, 200 unless told; None and texts not in it become NaN. Where there are more, and
    targets to fit them by, they become numbers instead: the mean targets of each category (`TargetStatistics`), the
    first in the field's column and the others in further columns at the end. Time parts are numbers, in a time zone:
    hour 0-23, weekday 0-6 from Monday, yearday 1-366, month 1-12.

    >>> from penstock.ml.features.frame import column, times
    >>> frame = Frame({"town": column("category", ["b", "a", "b"])}, times(["2024-03-04T05:00"] * 3))
    >>> encoder = Encoder.fit(frame, [Field("town", "category")], ["hour"])
    >>> encoder.transform(frame).tolist()
    [[0.0, 5.0], [1.0, 5.0], [0.0, 5.0]]
    """

    fields: tuple[Field, ...]
    vocabularies: dict[str, tuple[str, ...]]
    time_parts: tuple[TimePart, ...] = ()
    zone: str = "UTC"
    statistics: dict[str, TargetStatistics] = dataclasses.field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        frame: Frame,
        fields: Sequence[Field],
        time_parts: Sequence[TimePart] = (),
        zone: str = "UTC",
        targets: NDArray[np.float64] | None = None,
        limit: int = MAX_VOCABULARY,
    ) -> Encoder:
        """Learn from a training frame and its `targets`, shape (n, k); vocabularies have at most `limit` texts."""
        vocabularies: dict[str, tuple[str, ...]] = {}
        statistics: dict[str, TargetStatistics] = {}
        for category in (field for field in fields if field.kind == "category"):
            values = column_of(frame, category)
            texts = most_frequent(values, limit + 1)
            if targets is not None and len(texts) > limit:
                statistics[category.name] = TargetStatistics.fit(values, targets)
            else:
                vocabularies[category.name] = texts[:limit]
        return cls(tuple(fields), vocabularies, tuple(time_parts), zone, statistics)

    def transform(self, frame: Frame) -> NDArray[np.float64]:
        """The matrix of shape (n, d), columns as in `names`.

        Raises:
            WrongFields: a field is absent or holds another kind of value.
        """
        matrix = np.empty((len(frame), len(self.names)))
        for index in range(len(self.names)):
            matrix[:, index] = self.column(frame, index)
        return matrix

    def training_matrix(
        self, frame: Frame, targets: NDArray[np.float64], known_at: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """The matrix of the n rows that the encoder was fitted on: statistics as `TargetStatistics.ordered_columns`.

        Raises:
            WrongFields: a field is absent or holds another kind of value.
        """
        matrix = self.transform(frame)
        for name, statistics in self.statistics.items():
            means = statistics.ordered_columns(frame.columns[name], targets, known_at)
            matrix[:, self.names.index(name)] = means[:, 0]
            further = [self.names.index(_further_name(name, target)) for target in range(1, statistics.width)]
            matrix[:, further] = means[:, 1:]
        return matrix

    def column(self, frame: Frame, index: int) -> NDArray[np.float64] | list[float]:
        """Column `index` of the matrix, shape (n,).

        Raises:
            WrongFields: the field is absent or holds another kind of value.
        """
        if index < len(self.fields):
            return self._encode(self.fields[index], column_of(frame, self.fields[index]))
        if index < len(self.fields) + len(self.time_parts):
            return time_part(self.time_parts[index - len(self.fields)], local_times(frame.times, self.zone))
        category, target = self._further_columns[index - len(self.fields) - len(self.time_parts)]
        return self.statistics[category.name].column(column_of(frame, category), target)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the d columns: the fields, then `time.<part>`, then `<field>.target.<number>`."""
        times = (f"time.{part}" for part in self.time_parts)
        further = (_further_name(field.name, target) for field, target in self._further_columns)
        return (*(field.name for field in self.fields), *times, *further)

    @cached_property
    def categorical(self) -> NDArray[np.bool_]:
        """Mask of shape (d,): which columns hold codes."""
        coded = [field.name in self.vocabularies for field in self.fields]
        return np.array(coded + [False] * (len(self.names) - len(coded)), dtype=bool)

    @cached_property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of codes per column, 0 for numbers; shape (d,)."""
        return tuple(len(self.vocabularies.get(name, ())) for name in self.names)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        zone = {} if self.zone == "UTC" else {"zone": self.zone}
        statistics = {name: means.to_dict() for name, means in self.statistics.items()}
        return {
            "fields": [{"name": field.name, "kind": field.kind} for field in self.fields],
            "vocabularies": {name: list(texts) for name, texts in self.vocabularies.items()},
            "time_parts": list(self.time_parts),
            **zone,
            **({"statistics": statistics} if statistics else {}),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Encoder:
        """The encoder that `to_dict` wrote; KeyError or TypeError for anything else."""
        fields = tuple(Field(field["name"], field["kind"]) for field in data["fields"])
        vocabularies = {name: tuple(texts) for name, texts in data["vocabularies"].items()}
        statistics = {name: TargetStatistics.from_dict(means) for name, means in data.get("statistics", {}).items()}
        return cls(fields, vocabularies, tuple(data["time_parts"]), data.get("zone", "UTC"), statistics)

    @cached_property
    def _further_columns(self) -> list[tuple[Field, int]]:
        """The fields and targets of the columns at the end."""
        fitted = [(field, self.statistics[field.name]) for field in self.fields if field.name in self.statistics]
        return [(field, target) for field, statistics in fitted for target in range(1, statistics.width)]

    @cached_property
    def _codes(self) -> dict[str, dict[str | None, float]]:
        return {
            name: {text: float(code) for code, text in enumerate(texts)} for name, texts in self.vocabularies.items()
        }

    def _encode(self, field: Field, values: NDArray[Any]) -> NDArray[np.float64] | list[float]:
        if field.name in self.statistics:
            return self.statistics[field.name].column(values, 0)
        if field.kind == "category":
            code, nan = self._codes[field.name].get, np.nan
            return [code(value, nan) for value in values.tolist()]
        try:
            return values.astype(np.float64, copy=False)
        except (TypeError, ValueError):
            raise WrongFields(
                f"field {field.name!r} holds values that are not numbers: numbers were expected"
            ) from None


def time_part(part: TimePart, moments: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """One part of each moment as a number; NaN for NaT.

    >>> time_part("weekday", np.array(["2024-03-04"], "datetime64[ms]")).tolist()
    [0.0]
    """
    days = moments.astype("datetime64[D]")
    if part == "hour":
        numbers = moments.astype("datetime64[h]").astype(np.int64) % 24
    elif part == "weekday":
        numbers = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    elif part == "month":
        numbers = moments.astype("datetime64[M]").astype(np.int64) % 12 + 1
    else:
        first_of_year = moments.astype("datetime64[Y]").astype("datetime64[D]")
        numbers = (days - first_of_year).astype(np.int64) + 1
    return np.where(np.isnat(moments), np.nan, numbers)


def column_of(frame: Frame, field: Field) -> NDArray[Any]:
    """A field's values in the frame; WrongFields when the frame has no such column."""
    try:
        return frame.columns[field.name]
    except KeyError:
        raise WrongFields(f"field {field.name!r} is absent: the frame holds {sorted(frame.columns)}") from None


def _further_name(field: str, target: int) -> str:
    return f"{field}.target.{target}"
