"""The profile of every column, from one pass over the rows of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

import pyarrow as pa

from penstock.console.table.column_kind import decide, decimal_of_file, profile_of
from penstock.console.table.column_profile import ColumnProfile, OddCell
from penstock.console.table.column_scan import ColumnScan
from penstock.console.table.sources.json_source import text_of

THREADS = 2  # Arrow and numpy run beside each other, Python between them does not


class Source(Protocol):
    """What reads a kind of file."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""

    @property
    def delimiter(self) -> str:
        """What stands between cells, empty in a typed file."""

    @property
    def untyped(self) -> frozenset[str]:
        """The columns whose cells are text in want of a type."""

    def numbered_rows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows in order, each with the line of the file on which it ends."""

    def batches(self) -> Iterator[list[pa.Array]]:
        """The rows in order, some thousand at a time, as one array per column."""


def profile_columns(source: Source, limit: int | None) -> dict[str, ColumnProfile]:
    """What each column of a file holds, by its name; `limit` is how many rows are looked at, None for all.

    Raises:
        ConsoleFailure: the file is damaged.
    """
    scans = {name: ColumnScan(untyped=name in source.untyped) for name in source.columns}
    _scan(list(scans.values()), _first(source.batches(), limit))
    decimal = decimal_of_file(scans.values(), source.delimiter)
    decisions = {name: decide(name, scan, decimal) for name, scan in scans.items()}
    numeric = [scans[name] for name, decision in decisions.items() if decision.kind in ("number", "integer", "time")]
    missing_among_numbers = frozenset[str]().union(*(scan.missing_texts for scan in numeric))
    profiles = {name: profile_of(name, scan, decisions[name], missing_among_numbers) for name, scan in scans.items()}
    odd = {name: each.summary.failed for name, each in decisions.items() if each.summary and each.summary.failed}
    return profiles | _with_exceptions(profiles, odd, source.numbered_rows()) if odd else profiles


def _scan(scans: Sequence[ColumnScan], batches: Iterable[Sequence[pa.Array]]) -> None:
    """Show each column its batches in order, several columns at a time, while the next batch is read."""
    with ThreadPoolExecutor(THREADS) as pool:
        scanned: Sequence[Future[None]] = []
        for batch in batches:
            for column in scanned:
                column.result()
            scanned = [pool.submit(scan.add, column) for scan, column in zip(scans, batch, strict=True)]
        for column in scanned:
            column.result()


def _first(batches: Iterable[Sequence[pa.Array]], limit: int | None) -> Iterator[Sequence[pa.Array]]:
    """The batches up to so many rows."""
    row = 0
    for batch in batches:
        if limit is not None and row + len(batch[0]) >= limit:
            yield [column.slice(0, limit - row) for column in batch]
            return
        yield batch
        row += len(batch[0])


def _with_exceptions(
    profiles: Mapping[str, ColumnProfile], odd: Mapping[str, Sequence[int]], rows: Iterator[tuple[int, list[Any]]]
) -> dict[str, ColumnProfile]:
    wanted = {row for failed in odd.values() for row in failed}
    index = {name: position for position, name in enumerate(profiles)}
    found: dict[int, tuple[int, list[Any]]] = {}
    for row, (line, cells) in enumerate(rows):
        if row in wanted:
            found[row] = line, cells
            if len(found) == len(wanted):
                break
    return {
        name: replace(
            profiles[name],
            exceptions=tuple(OddCell(row, found[row][0], str(text_of(found[row][1][index[name]]))) for row in failed),
        )
        for name, failed in odd.items()
    }
