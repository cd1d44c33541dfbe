"""NDJSON, plain or gzipped: an object a line, whose keys may vary by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from penstock.console.failure import wrong_input
from penstock.console.table.sources.header import check_columns
from penstock.console.table.sources.plain_bytes import DAMAGE, plain_bytes

LONGEST_LINE = 10_000_000  # bytes
BATCH_ROWS = 10_000
MIXED = pa.large_string()  # stands for a column of several types
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class JsonSource:
    """An NDJSON file; cells are numbers, booleans, texts, or None where the object lacks the key.

    `types` holds the Arrow type of each column, `MIXED` where its values are of several types.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: ClassVar[str] = ""
    types: tuple[pa.DataType, ...]

    @property
    def untyped(self) -> frozenset[str]:
        """The columns whose cells are text in want of a type: those of several types."""
        return frozenset(name for name, kind in zip(self.columns, self.types, strict=True) if kind == MIXED)

    def numbered_rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows in order, each with its line.

        Raises:
            ConsoleFailure: a line is no JSON object of simple values.
        """
        for line, row in _objects(self.path):
            yield line, [row.get(name) for name in self.columns]

    def batches(self) -> Iterator[list[pa.Array]]:
        """The rows in order, some thousand at a time, as one array per column.

        Raises:
            ConsoleFailure: as for `numbered_rows`.
        """
        rows = (row for _, row in self.numbered_rows())
        while batch := list(islice(rows, BATCH_ROWS)):
            columns = zip(*batch, strict=True)
            yield [_array(values, kind) for values, kind in zip(columns, self.types, strict=True)]


def open_json(path: Path) -> JsonSource:
    """Read which keys a file's objects have, and the types of their values. Reads the whole file.

    Raises:
        ConsoleFailure: it is empty, or a line is no JSON object of simple values.
    """
    kinds: dict[str, set[type]] = {}
    for _, row in _objects(path):
        for name, value in row.items():
            kinds.setdefault(name, set()).add(type(value))
    columns = tuple(kinds)
    if not columns:
        raise wrong_input(f"{path}: expected a JSON object on each line, the file is empty")
    check_columns(str(path), columns)
    if len(columns) == 1:
        raise wrong_input(f"{path}: expected several keys, found one, {columns[0]!r}")
    return JsonSource(path, columns, tuple(_type(kinds[name]) for name in columns))


def text_of(value: Any) -> str | None:
    """A value as text, as JSON writes it if it can."""
    if isinstance(value, float | datetime):
        return str(value)
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def _type(kinds: set[type]) -> pa.DataType:
    known = kinds - {type(None)}
    if known == {bool}:
        return pa.bool_()
    if known == {int}:
        return pa.int64()
    if known and known <= {int, float}:
        return pa.float64()
    if known == {str}:
        return pa.string()
    return MIXED if known else pa.null()


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if kind in (pa.string(), MIXED):
        return pa.array([text_of(value) for value in values], pa.string())
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError):  # an integer that is too large
        return pa.array([text_of(value) for value in values], pa.string())


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    try:
        with plain_bytes(path) as content:
            while line := content.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise wrong_input(f"{path}:{number}: a line of more than {LONGEST_LINE:,} bytes")
                if line.strip():
                    yield number, _object(f"{path}:{number}", line.removeprefix(b"\xef\xbb\xbf"))
    except DAMAGE as error:
        raise wrong_input(f"{path}:{number + 1}: the file is damaged: {error}") from error


def _object(where: str, line: bytes) -> dict[str, Any]:
    try:
        row = _decode(line)
    except UnicodeDecodeError as error:
        raise wrong_input(f"{where}: expected UTF-8 text: {error.reason}; save the file as UTF-8") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        reason = str(error) or "nested too deep"
        raise wrong_input(f"{where}: not valid JSON: {reason}; expected a whole object on each line") from error
    if not isinstance(row, dict):
        raise wrong_input(f"{where}: expected a JSON object with a value per column on each line, not a list or value")
    nested = next((name for name, value in row.items() if isinstance(value, dict | list)), None)
    if nested is not None:
        raise wrong_input(f"{where}: {nested!r} holds an object or a list; expected a number, text, boolean or null")
    return row
