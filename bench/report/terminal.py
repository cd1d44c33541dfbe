"""Progress lines and the table of results on the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.report.results import Result

_console = Console(highlight=False)
_started = time.monotonic()


def print_line(line: str) -> None:
    """Print a line, preceded by the minutes and seconds since the start."""
    minutes, seconds = divmod(int(time.monotonic() - _started), 60)
    _console.print(f"[dim]{minutes:3d}:{seconds:02d}[/dim] {line}", soft_wrap=True)


def print_results(rows: Sequence[Result]) -> None:
    """Print all results as one table."""
    table = Table("section", "cell", "unit", "median", "min", "max", "x echo", box=None)
    for row in rows:
        table.add_row(row.section, row.cell, row.unit, *map(format_figure, (row.median, row.min, row.max, row.x_echo)))
    _console.print(table)


def format_figure(figure: float | None) -> str:
    """A figure with at most the digits that a reader needs.

    >>> format_figure(123456.0), format_figure(1.5), format_figure(None)
    ('123,456', '1.5', '-')
    """
    if figure is None:
        return "-"
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:g}"
