"""CSV, plain or gzipped: rows by Python's strict reader, columns by Arrow where the two agree.

Arrow reads quotes leniently (an unclosed one is a value to the end of the file), so its batches are used only while
every quote stands where the strict reader expects one; else the batches are those of the strict reader.
"""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.table.sources.header import check_columns, numbers_for_names, values_for_names
from penstock.console.table.sources.plain_bytes import DAMAGE, plain_bytes
from penstock.console.table.sources.quote_check import IrregularQuotes, QuoteCheck

LONGEST_FIELD = 1_000_000  # characters
LONGEST_LINE = 10_000_000  # characters
BLOCK = 65_536  # characters read at a time, and to find the delimiter
ARROW_BLOCK = 4_000_000  # bytes
BATCH_ROWS = 10_000
DELIMITERS = ",;\t|"
FIRST_ROWS = 100  # in which the names are looked for, to find that a header is missing
_SEPARATOR = re.compile(rf'"?sep=([{DELIMITERS}])"?', re.IGNORECASE)


@dataclass(frozen=True)
class CsvSource:
    """A CSV file; every cell is text."""

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    header_line: int  # on which the header ends

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
        return _numbered_rows(self.path, self.delimiter, self.header_line, len(self.columns))

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
        except (pa.ArrowException, IrregularQuotes, *DAMAGE):
            yield from _arrays(islice(self.numbered_rows(), rows, None))

    def _arrow_batches(self) -> Iterator[list[pa.Array]]:
        with plain_bytes(self.path) as content:
            check = QuoteCheck(content, self.delimiter)
            reader = arrow_csv.open_csv(
                pa.PythonFile(check, mode="r"),
                read_options=arrow_csv.ReadOptions(
                    use_threads=False,
                    block_size=ARROW_BLOCK,
                    autogenerate_column_names=True,
                    skip_rows=self.header_line,
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
    before, delimiter = _beginning(path)
    line, header = next(_numbered_rows(path, delimiter, before), (1, None))
    if header is None:
        raise wrong_input(f"{path}: expected a header and rows, the file is empty")
    columns = tuple(name.strip() for name in header)
    if len(columns) == 1:
        raise wrong_input(f"{path}:{line}: expected columns separated by a comma, semicolon, tab or bar")
    check_columns(f"{path}:{line}", columns)
    if numbers_for_names(columns):
        raise wrong_input(f"{path}:{line}: expected a header with the columns' names, found numbers")
    source = CsvSource(path, columns, delimiter, line)
    rows = [row for _, row in islice(source.numbered_rows(), FIRST_ROWS)]
    if not rows:
        raise wrong_input(f"{path}: expected rows after the header, there are none")
    if values_for_names(columns, rows):
        raise wrong_input(
            f"{path}:{line}: expected a header with the columns' names, found values that rows have too: "
            f"{', '.join(columns)[:80]}; put a line with names before them"
        )
    return source


def _beginning(path: Path) -> tuple[int, str]:
    """How many lines stand before the header, and the delimiter.

    Before it may stand Excel's sep=; and comments: lines that begin with #. The last of these is the header if it has
    as many columns as the line after it.
    """
    with _text(path) as text, _ReadErrors(path):
        lines = re.split("\r\n|\r|\n", text.read(BLOCK))
    if stated := _SEPARATOR.fullmatch(lines[0]):
        return 1, stated[1]
    comments = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = next((line for line in lines[comments:] if line.strip()), lines[0])
    delimiter = max(DELIMITERS, key=header.count)
    if comments and lines[comments - 1].count(delimiter) == header.count(delimiter):
        comments -= 1
    return comments, delimiter


def _arrays(rows: Iterator[tuple[int, list[str]]]) -> Iterator[list[pa.Array]]:
    while batch := [row for _, row in islice(rows, BATCH_ROWS)]:
        yield [pa.array(column, pa.string()) for column in zip(*batch, strict=True)]


def _numbered_rows(path: Path, delimiter: str, skip: int, width: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which they end, behind the first `skip` lines; each must have `width` columns."""
    csv.field_size_limit(LONGEST_FIELD)
    with _text(path) as text, _ReadErrors(path) as position:
        lines = _lines(text)
        position.line = sum(1 for _ in islice(lines, skip))
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        for row in reader:
            position.line = skip + reader.line_num
            if not row or (len(row) == 1 and not row[0].strip()):
                continue
            if width is not None and len(row) != width:
                raise wrong_input(f"{path}:{position.line}: expected {width} columns, found {len(row)}")
            yield position.line, row


def _lines(text: TextIOWrapper) -> Iterator[str]:
    """The lines; a line without an end is not read whole."""
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise csv.Error(f"a line of more than {LONGEST_LINE:,} characters")
        if "\0" in line:
            raise csv.Error("a NUL character; if this is UTF-16, save the file as UTF-8")
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
        if isinstance(error, DAMAGE):
            raise wrong_input(f"{position}: the file is damaged: {error}") from error
