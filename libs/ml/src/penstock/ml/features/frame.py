"""Frames: n rows held as columns, the one shape in which features enter this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "category"]
Times = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Field:
    """One input column: its name and whether it holds numbers or categories."""

    name: str
    kind: Kind


class Table(Protocol):
    """n decoded records: the numbers of d fields as one matrix of shape (n, d), and the category columns by name."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the d number columns."""

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The numbers, shape (n, d), NaN where one is missing; Fortran order is best."""

    @property
    def categories(self) -> Mapping[str, NDArray[Any]]:
        """Category columns: object arrays of ``str`` or ``None``, each of shape (n,)."""


class Frame:
    """n rows held as columns.

    A number column is float64 with NaN for a missing value; a category column is an object array
    of ``str`` or ``None``. ``times`` is datetime64[ms] of shape (n,), NaT where unknown; it may be
    given as a function, which is called when a model first needs it. ``table`` is set when the number
    columns are views of one matrix (`of_table`). Nothing is checked or copied here, so that a frame can
    be made for every batch.

    >>> frame = Frame({"age": column("number", [31, None])}, times(["2024-01-01", "2024-01-02"]))
    >>> len(frame), frame.take([0]).columns["age"].tolist()
    (2, [31.0])
    """

    __slots__ = ("_times", "columns", "table")

    def __init__(
        self, columns: dict[str, NDArray[Any]], times: Times | Callable[[], Times], table: Table | None = None
    ) -> None:
        self.columns = columns
        self.table = table
        self._times = times

    @classmethod
    def of_table(cls, table: Table, times: Times | Callable[[], Times]) -> Frame:
        """A frame whose number columns are views of the table's matrix: nothing is copied.

        >>> from types import SimpleNamespace
        >>> matrix = np.array([[1.0, 2.0], [3.0, 4.0]], order="F")
        >>> table = SimpleNamespace(names=("a", "b"), matrix=matrix, categories={"c": column("category", ["x", None])})
        >>> Frame.of_table(table, times([0, 1])).columns["b"].tolist()
        [2.0, 4.0]
        """
        return cls({**dict(zip(table.names, table.matrix.T, strict=True)), **table.categories}, times, table)

    @property
    def times(self) -> Times:
        """When each row happened: datetime64[ms] of shape (n,)."""
        if callable(self._times):
            self._times = self._times()
        return self._times

    def __len__(self) -> int:
        """Number of rows."""
        for values in self.columns.values():
            return len(values)
        return len(self.times)

    def take(self, rows: slice | Sequence[int] | NDArray[Any]) -> Frame:
        """The rows at a slice, indices or a mask, in that order; a slice gives views, the others give copies."""
        return Frame({name: values[rows] for name, values in self.columns.items()}, self.times[rows])

    @classmethod
    def concat(cls, frames: Sequence[Frame]) -> Frame:
        """The rows of all frames, one frame after the other.

        Raises:
            ValueError: there are no frames, or their columns differ.
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
