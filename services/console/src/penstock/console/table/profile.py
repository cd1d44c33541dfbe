"""The profile of every column, from one pass over the rows of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from penstock.console.table.column_kind import decide, failed_rows, profile_of
from penstock.console.table.column_profile import ColumnProfile, OddCell
from penstock.console.table.column_scan import ColumnScan
from penstock.console.table.json_source import text_of

NumberedRows = Callable[[], Iterator[tuple[int, list[Any]]]]


def profile_columns(
    columns: Sequence[str], batches: Iterable[Sequence[pa.Array]], limit: int | None, numbered_rows: NumberedRows
) -> dict[str, ColumnProfile]:
    """What each column holds, by its name.

    Args:
        columns: the names.
        batches: the rows, as one array per column.
        limit: how many rows are looked at, None for all.
        numbered_rows: the rows with their lines, read only if cells are odd, up to the last of these.

    Raises:
        ConsoleFailure: the file is damaged.
    """
    scans = {name: ColumnScan() for name in columns}
    for row, batch in _first(batches, limit):
        for scan, column in zip(scans.values(), batch, strict=True):
            assert scan.rows == row
            scan.add(column)
    numeric = [scan for name, scan in scans.items() if decide(name, scan).kind in ("number", "integer", "time")]
    missing_among_numbers = frozenset[str]().union(*(scan.missing_texts for scan in numeric))
    profiles = {name: profile_of(name, scan, missing_among_numbers) for name, scan in scans.items()}
    odd = {name: rows for name, scan in scans.items() if (rows := failed_rows(name, scan))}
    return profiles | _with_exceptions(profiles, odd, numbered_rows) if odd else profiles


def _first(batches: Iterable[Sequence[pa.Array]], limit: int | None) -> Iterator[tuple[int, Sequence[pa.Array]]]:
    """The batches up to so many rows, each with the number of its first row."""
    row = 0
    for batch in batches:
        if limit is not None and row + len(batch[0]) >= limit:
            yield row, [column.slice(0, limit - row) for column in batch]
            return
        yield row, batch
        row += len(batch[0])


def _with_exceptions(
    profiles: Mapping[str, ColumnProfile], odd: Mapping[str, Sequence[int]], numbered_rows: NumberedRows
) -> dict[str, ColumnProfile]:
    wanted = {row for rows in odd.values() for row in rows}
    index = {name: position for position, name in enumerate(profiles)}
    found: dict[int, tuple[int, list[Any]]] = {}
    for row, (line, cells) in enumerate(numbered_rows()):
        if row in wanted:
            found[row] = line, cells
            if len(found) == len(wanted):
                break
    return {
        name: replace(
            profiles[name],
            exceptions=tuple(OddCell(row, found[row][0], str(text_of(found[row][1][index[name]]))) for row in rows),
        )
        for name, rows in odd.items()
    }
