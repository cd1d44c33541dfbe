"""An answer of the prediction log: as a table, as lines of JSON, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from penstock.console.views.printable_text import printable

MOST_SHOWN = 200  # rows of a table for people
LONGEST = 300  # characters of a value there


def answer_table(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> Group:
    """The first rows as a table, and whether there are more."""
    table = Table(*(escape(printable(name)) for name in columns))
    for row in islice(rows, MOST_SHOWN):
        table.add_row(*(Text(printable(_cell(value), LONGEST)) for value in row))
    if next(rows, None) is not None:
        return Group(table, f"The first {MOST_SHOWN} rows; for all of them add --json or --csv.")
    return Group(table)


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
            return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")[:23]
        case bytes():
            return value.decode(errors="backslashreplace")
        case _:
            return str(value)
