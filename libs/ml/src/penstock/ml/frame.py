"""Rows as columns: the one shape in which features enter this library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "category"]


@dataclass(frozen=True, slots=True)
class Field:
    """One input column: its name and whether it holds numbers or categories."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """n rows held as columns.

    A number column is float64 with NaN for a missing value; a category column is an object array
    of ``str`` or ``None``. ``times`` is datetime64[ms] of shape (n,), NaT where unknown. Nothing is
    checked or copied here, so that a frame can be made for every batch.

    >>> frame = Frame({"age": column("number", [31, None])}, times(["2024-01-01", "2024-01-02"]))
    >>> len(frame), frame.take([0]).columns["age"].tolist()
    (2, [31.0])
    """

    columns: dict[str, NDArray[Any]]
    times: NDArray[np.datetime64]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.times)

    def take(self, rows: slice | Sequence[int] | NDArray[Any]) -> Frame:
        """The chosen rows, in the order asked for; a slice gives views, indices or a mask give copies."""
        return Frame({name: values[rows] for name, values in self.columns.items()}, self.times[rows])

    @classmethod
    def concat(cls, frames: Sequence[Frame]) -> Frame:
        """Stack frames one after the other.

        Raises ValueError when there are none or their columns differ.
        """
        if not frames:
            raise ValueError("no frames to join: at least one is needed")
        names = list(frames[0].columns)
        for frame in frames:
            if set(frame.columns) != set(names):
                raise ValueError(f"frames differ in their columns: {sorted(names)} and {sorted(frame.columns)}")
        columns = {name: np.concatenate([frame.columns[name] for frame in frames]) for name in names}
        return cls(columns, np.concatenate([frame.times for frame in frames]))


def column(kind: Kind, values: Sequence[Any]) -> NDArray[Any]:
    """A column of one kind from plain values; None is missing.

    >>> column("number", [1, None]).tolist(), column("category", ["a", None]).tolist()
    ([1.0, nan], ['a', None])
    """
    if kind == "number":
        return np.array(values, dtype=np.float64)
    filled = np.empty(len(values), dtype=object)
    filled[:] = values
    return filled


def times(values: Sequence[Any]) -> NDArray[np.datetime64]:
    """Times (ISO texts, milliseconds since 1970 or datetimes without zone, all in UTC) as datetime64[ms]."""
    return np.array(values, dtype="datetime64[ms]")
