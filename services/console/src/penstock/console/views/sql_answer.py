"""An answer of the prediction log: as a table, as lines of JSON, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from penstock.console.views.printable_text import printable

MOST_SHOWN = 200  # rows of a table for people
LONGEST = 300  # characters of a value there
NARROWEST = 11  # columns of the terminal that a value takes at least


def answer_table(columns: Sequence[str], rows: Iterator[tuple[Any, ...]], width: int) -> Group:
    """The first rows, and whether there are more: a line for each, or for each value where that is too wide."""
    names = [printable(name) for name in columns]
    first = [[printable(_cell(value), LONGEST) for value in row] for row in islice(rows, MOST_SHOWN)]
    parts = [_rows(names, first) if len(names) * NARROWEST <= width else _values(names, first)]
    if next(rows, None) is not None:
        parts.append(Text(f"The first {MOST_SHOWN} rows; for all of them add --json or --csv."))
    return Group(*parts)


def _rows(names: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    table = Table(*map(escape, names))
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _values(names: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for number, row in enumerate(rows, 1):
        table.add_row(Text(f"row {number}", style="bold"))
        for name, value in zip(names, row, strict=True):
            table.add_row(Text(f"  {name}"), Text(value))
    return table if rows else Text("No rows.")


def answer_lines(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    """A JSON object for each row; times are in ISO 8601, bytes in base64."""
    for row in rows:
        yield msgspec.json.encode(dict(zip(columns, row, strict=True)), enc_hook=str).decode()


def answer_csv(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    """A line of CSV for the names of the columns, and one for each row."""
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line([value if isinstance(value, int | float) else _cell(value) for value in row])


def _csv_line(values: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.replace(tzinfo=None).isoformat(sep=" ")
        case bytes():
            return value.decode(errors="backslashreplace")
        case _:
            return str(value)
