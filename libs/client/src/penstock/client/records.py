"""What records of answers have in common: they show themselves as tables in notebooks, and become frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any, TypeVar

import msgspec

from penstock.client.frames import Library, frame_of

MOST_LINES = 20  # of a table in a notebook
LONGEST_CELL = 200  # characters

T = TypeVar("T", bound="Record")


class Record(msgspec.Struct, frozen=True):
    """An answer, or a part of one. What a newer service adds to it is left out."""

    def _repr_html_(self) -> str:
        return html_table(("", ""), [(name, getattr(self, name)) for name in self.__struct_fields__])


class Records(list[T]):
    """Records of one kind."""

    def to_frame(self, backend: Library = "pandas") -> Any:
        """The records as a frame of pandas, polars or pyarrow, a column for each member."""
        names = self[0].__struct_fields__ if self else ()
        plain = [msgspec.to_builtins(record, builtin_types=(datetime,)) for record in self]
        return frame_of({name: [row[name] for row in plain] for name in names}, backend)

    def _repr_html_(self) -> str:
        names = self[0].__struct_fields__ if self else ()
        return html_table(names, [[getattr(record, name) for name in names] for record in self])


def html_table(names: Sequence[str], rows: Sequence[Iterable[object]]) -> str:
    """A table of the first rows, and how many more there are.

    >>> html_table(["id"], [["<e-1>"]])
    '<table><thead><tr><th>id</th></tr></thead><tbody><tr><td>&lt;e-1&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = ["".join(f"<td>{escape(_cell(value))}</td>" for value in row) for row in rows[:MOST_LINES]]
    if len(rows) > MOST_LINES:
        lines.append(f'<td colspan="{len(names)}">… {len(rows) - MOST_LINES} more</td>')
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
