"""A file of rows: CSV or NDJSON, plain or gzipped, or Parquet."""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from penstock.console.failure import wrong_input
from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.profile import Source, profile_columns
from penstock.console.table.sources.csv_source import open_csv
from penstock.console.table.sources.header import near_names
from penstock.console.table.sources.json_source import open_json
from penstock.console.table.sources.parquet_source import MAGIC, open_parquet
from penstock.console.table.sources.plain_bytes import beginning_of

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0"  # of a workbook of Excel before 2007

Cell = str | float | bool | datetime | None
"""A value as the file holds it: always text in CSV; in NDJSON and Parquet of the file's own type, None if absent."""


@dataclass(frozen=True)
class Table:
    """A file of rows and the SHA-256 of its bytes. Every call of `rows` reads it anew.

    `limit` is how many of its rows are used, None for all.
    """

    path: Path
    source: Source
    digest: str
    limit: int | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.source.columns

    def first(self, rows: int | None) -> Table:
        """The same table with only its first rows; None: all."""
        return replace(self, limit=rows)

    def rows(self) -> Iterator[list[Any]]:
        """The rows in order, each with one `Cell` per column.

        Raises:
            ConsoleFailure: a row does not have the header's columns, a quote is never closed, or the bytes are not
                text.
        """
        for _, row in islice(self.source.numbered_rows(), self.limit):
            yield row

    def count(self) -> int:
        """How many rows there are. Reads the whole file once, so errors in it come up before anything is sent.

        Raises:
            ConsoleFailure: as for `rows`.
        """
        return next(iter(self.profiles.values())).rows

    def lines_of(self, rows: Collection[int]) -> dict[int, int]:
        """The line of the file on which each of the rows ends; the first row is number 0."""
        lines = enumerate(line for line, _ in self.source.numbered_rows())
        return {number: line for number, line in islice(lines, max(rows, default=-1) + 1) if number in rows}

    def column_index(self, column: str) -> int:
        """The index of a column in every row.

        Raises:
            ConsoleFailure: there is no such column.
        """
        if column not in self.columns:
            raise wrong_input(f"{self.path}: no column {column!r}; {near_names(column, self.columns)}")
        return self.columns.index(column)

    @cached_property
    def profiles(self) -> dict[str, ColumnProfile]:
        """What each column holds, by its name; reads all rows in use, once.

        Raises:
            ConsoleFailure: as for `rows`.
        """
        return profile_columns(self.source, self.limit)


def open_table(path: Path) -> Table:
    """Read the names of a file's columns, and its digest.

    The kind of file is that of its name (.ndjson, .jsonl, .parquet, .pq), with .gz or without, or of how it begins;
    all else is CSV.

    Raises:
        ConsoleFailure: it cannot be read, is empty, or its header names a column twice or not at all.
    """
    try:
        if not path.is_file():
            raise wrong_input(f"{path}: expected a CSV file, NDJSON or Parquet; there is no such file")
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise wrong_input(f"{path}: cannot be read: {error.strerror}") from error
    return Table(path, _source(path), digest)


def _source(path: Path) -> Source:
    name = path.name.lower().removesuffix(".gz")
    beginning = beginning_of(path)
    if beginning.startswith((ZIP, OLE)):
        raise wrong_input(f"{path}: expected a CSV file, NDJSON or Parquet; this is a ZIP archive or an Excel workbook")
    if beginning.startswith(MAGIC) or name.endswith((".parquet", ".pq")):
        return open_parquet(path)
    json = beginning.removeprefix(BOM_UTF8).startswith(b"{") or name.endswith((".ndjson", ".jsonl", ".json"))
    if json:
        return open_json(path)
    return open_csv(path)
