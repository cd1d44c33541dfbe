"""CSV, plain or gzipped: rows by Python's strict reader, columns by Arrow where the two agree.

Arrow reads quotes leniently (an unclosed one is a value to the end of the file), so its batches are used only while
every quote stands where the strict reader expects one; else the batches are those of the strict reader.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.table.header import check_columns, numbers_for_names
from penstock.console.table.plain_bytes import plain_bytes
from penstock.console.table.quote_check import IrregularQuotes, QuoteCheck

LONGEST_FIELD = 1_000_000  # characters
LONGEST_LINE = 10_000_000  # characters
BLOCK = 65_536  # characters read at a time, and to find the delimiter
ARROW_BLOCK = 4_000_000  # bytes
BATCH_ROWS = 10_000
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class CsvSource:
    """A CSV file; every cell is text."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str

    @property
    def untyped(self) -> frozenset[str]:
        """The columns whose cells are text in want of a type: all."""
        return frozenset(self.columns)

    def numbered_rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows in order, each with the line of the file on which it ends.

        Raises:
            ConsoleFailure: a row does not have the header's columns, a quote is never closed, or the bytes are not
                text.
        """
        return _numbered_rows(self.path, self.delimiter, self.columns)

    def batches(self) -> Iterator[list[pa.Array]]:
        """The rows in order, some thousand at a time, as one array of strings per column.

        Raises:
            ConsoleFailure: as for `numbered_rows`.
        """
        rows = 0
        try:
            for batch in self._arrow_batches():
                rows += len(batch[0])
                yield batch
        except (pa.ArrowException, IrregularQuotes, gzip.BadGzipFile, zlib.error, EOFError, OSError):
            yield from _arrays(islice(self.numbered_rows(), rows, None))

    def _arrow_batches(self) -> Iterator[list[pa.Array]]:
        with plain_bytes(self.path) as content:
            check = QuoteCheck(content, self.delimiter)
            reader = arrow_csv.open_csv(
                pa.PythonFile(check, mode="r"),
                read_options=arrow_csv.ReadOptions(
                    use_threads=False, block_size=ARROW_BLOCK, autogenerate_column_names=True, skip_rows_after_names=1
                ),
                parse_options=arrow_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={f"f{index}": pa.string() for index in range(len(self.columns))},
                    strings_can_be_null=False,
                ),
            )
            if len(reader.schema) != len(self.columns):
                raise IrregularQuotes
            last = None
            for batch in reader:
                check.raise_irregular()
                if last is not None:
                    yield last.columns
                last = batch
            check.end()  # before the last batch: an unclosed quote would make one value of all that follows it
            if last is not None:
                yield last.columns


def open_csv(path: Path) -> CsvSource:
    """Read a file's header and delimiter.

    Raises:
        ConsoleFailure: it is empty, not text, or its header is no list of names.
    """
    delimiter = _delimiter(path)
    header = next((row for _, row in _numbered_rows(path, delimiter, None)), None)
    if header is None:
        raise wrong_input(f"{path}: expected a header and rows, the file is empty")
    columns = tuple(name.strip() for name in header)
    check_columns(f"{path}:1", columns)
    if len(columns) == 1:
        raise wrong_input(f"{path}:1: expected columns separated by a comma, semicolon, tab or bar")
    if numbers_for_names(columns):
        raise wrong_input(f"{path}:1: expected a header with the columns' names, found numbers")
    if next(_numbered_rows(path, delimiter, columns), None) is None:
        raise wrong_input(f"{path}: expected rows after the header, there are none")
    return CsvSource(path, columns, delimiter)


def _delimiter(path: Path) -> str:
    with _text(path) as text, _ReadErrors(path):
        header = text.read(BLOCK).split("\n", 1)[0]
    return max(DELIMITERS, key=header.count)


def _arrays(rows: Iterator[tuple[int, list[str]]]) -> Iterator[list[pa.Array]]:
    while batch := [row for _, row in islice(rows, BATCH_ROWS)]:
        yield [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]


def _numbered_rows(path: Path, delimiter: str, columns: tuple[str, ...] | None) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which they end; without `columns`, the header."""
    csv.field_size_limit(LONGEST_FIELD)
    with _text(path) as text, _ReadErrors(path) as position:
        reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
        if columns is not None:
            next((row for row in reader if row), None)
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
    return TextIOWrapper(plain_bytes(path), encoding="utf-8-sig", newline="")


def _undecodable_line(path: Path) -> int:
    """The first line that is not UTF-8. Text is decoded in blocks, so the decoding error does not say which line."""
    decoder = getincrementaldecoder("utf-8")()
    line = 1
    with plain_bytes(path) as content:
        while block := content.read(BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].count(b"\n")
            line += block.count(b"\n")
    return line


def _encoding_failure(path: Path) -> ConsoleFailure:
    with plain_bytes(path) as content:
        utf_16 = content.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE)
    name, line = ("UTF-16", 1) if utf_16 else ("WINDOWS-1252", _undecodable_line(path))
    found = "this is UTF-16" if utf_16 else "this may be Latin-1 or Windows-1252"
    return wrong_input(
        f"{path}:{line}: expected UTF-8 text, {found}; save the file as UTF-8: iconv -f {name} -t UTF-8 FILE > NEW"
    )


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
            raise _encoding_failure(self._path) from error
        if isinstance(error, gzip.BadGzipFile | zlib.error | EOFError | OSError):
            raise wrong_input(f"{position}: the file is damaged: {error}") from error
