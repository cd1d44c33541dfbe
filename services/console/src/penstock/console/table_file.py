"""A file of rows: CSV, plain or gzipped, read strictly and a row at a time."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from codecs import getincrementaldecoder
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO

from penstock.console.failure import wrong_input

LONGEST_FIELD = 1_000_000  # characters
LONGEST_LINE = 10_000_000  # characters
BLOCK = 65_536  # characters read at a time, and to find the delimiter
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """A CSV file: its columns, its delimiter and the SHA-256 of its bytes. Every call of `rows` reads it anew.

    `limit` is how many of its rows are used, None for all.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    digest: str
    limit: int | None = None

    def first(self, rows: int | None) -> Table:
        """The same table with only its first rows; None: all."""
        return replace(self, limit=rows)

    def rows(self) -> Iterator[list[str]]:
        """The rows in order, each with one text per column.

        Raises:
            ConsoleFailure: a row does not have the header's columns, a quote is never closed, or the bytes are not
                text.
        """
        for _, row in islice(_numbered_rows(self.path, self.delimiter, self.columns), self.limit):
            yield row

    def count(self) -> int:
        """How many rows there are. Reads the whole file, so errors in it come up before anything is sent.

        Raises:
            ConsoleFailure: as for `rows`.
        """
        return sum(1 for _ in self.rows())

    def lines_of(self, rows: Collection[int]) -> dict[int, int]:
        """The line of the file on which each of the rows ends; the first row is number 0."""
        lines = enumerate(line for line, _ in _numbered_rows(self.path, self.delimiter, self.columns))
        return {number: line for number, line in islice(lines, max(rows, default=-1) + 1) if number in rows}

    def column_index(self, column: str) -> int:
        """The index of a column in every row.

        Raises:
            ConsoleFailure: there is no such column.
        """
        if column not in self.columns:
            raise wrong_input(f"{self.path}: no column {column!r}; there are {', '.join(self.columns)}")
        return self.columns.index(column)


def open_table(path: Path) -> Table:
    """Read a file's header, delimiter and digest.

    Raises:
        ConsoleFailure: it cannot be read, is empty, or its header names a column twice or not at all.
    """
    try:
        if not path.is_file():
            raise wrong_input(f"{path}: expected a CSV file, plain or gzipped; there is no such file")
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise wrong_input(f"{path}: cannot be read: {error.strerror}") from error
    delimiter = _delimiter(path)
    header = next((row for _, row in _numbered_rows(path, delimiter, None)), None)
    if header is None:
        raise wrong_input(f"{path}: expected a header and rows, the file is empty")
    columns = tuple(name.strip() for name in header)
    _check_header(path, columns)
    if next(_numbered_rows(path, delimiter, columns), None) is None:
        raise wrong_input(f"{path}: expected rows after the header, there are none")
    return Table(path, columns, delimiter, digest)


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    repeated = next((name for index, name in enumerate(columns) if name in columns[:index]), None)
    if "" in columns:
        raise wrong_input(f"{path}:1: column {columns.index('') + 1} has no name")
    if repeated is not None:
        raise wrong_input(f"{path}:1: the header names {repeated!r} twice")
    if len(columns) == 1:
        raise wrong_input(f"{path}:1: expected columns separated by a comma, semicolon, tab or bar")
    if all(_is_number(name) for name in columns):
        raise wrong_input(f"{path}:1: expected a header with the columns' names, found numbers")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _delimiter(path: Path) -> str:
    with _text(path) as text, _ReadErrors(path):
        header = text.read(BLOCK).split("\n", 1)[0]
    return max(DELIMITERS, key=header.count)


def _numbered_rows(path: Path, delimiter: str, columns: tuple[str, ...] | None) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which they end; without `columns`, the header."""
    csv.field_size_limit(LONGEST_FIELD)
    with _text(path) as text, _ReadErrors(path) as position:
        reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
        if columns is not None:
            next(reader, None)
            position.line = reader.line_num
        for row in reader:
            position.line = reader.line_num
            if not row:
                continue
            if columns is not None and len(row) != len(columns):
                raise wrong_input(f"{path}:{position.line}: expected {len(columns)} columns, found {len(row)}")
            yield position.line, row


def _lines(text: TextIOWrapper) -> Iterator[str]:
    """The lines; a line without an end is not read whole."""
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise csv.Error(f"a line of more than {LONGEST_LINE:,} characters")
        if "\0" in line:
            raise csv.Error("a NUL character")
        yield line


def _text(path: Path) -> TextIOWrapper:
    return TextIOWrapper(_content(path), encoding="utf-8-sig", newline="")


def _content(path: Path) -> IO[bytes]:
    with path.open("rb") as content:
        zipped = content.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def _undecodable_line(path: Path) -> int:
    """The first line that is not UTF-8. Text is decoded in blocks, so the decoding error does not say which line."""
    decoder = getincrementaldecoder("utf-8")()
    line = 1
    with _content(path) as content:
        while block := content.read(BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].count(b"\n")
            line += block.count(b"\n")
    return line


class _ReadErrors:
    """Turns what reading a file can raise into one line that names the file and the line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.line = 0

    def __enter__(self) -> _ReadErrors:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        position = f"{self._path}:{self.line + 1}"
        if isinstance(error, csv.Error):
            raise wrong_input(f"{position}: not valid CSV: {error}") from error
        if isinstance(error, UnicodeDecodeError):
            line = _undecodable_line(self._path)
            raise wrong_input(f"{self._path}:{line}: expected UTF-8 text; save the file as UTF-8") from error
        if isinstance(error, gzip.BadGzipFile | zlib.error | EOFError | OSError):
            raise wrong_input(f"{position}: the file is damaged: {error}") from error
