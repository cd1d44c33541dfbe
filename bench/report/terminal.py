"""What a run says while it runs, and at its end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.results import Result

_console = Console(highlight=False)
_started = time.monotonic()


def say(line: str) -> None:
    """A line on the terminal, with the minutes and seconds since the start before it."""
    minutes, seconds = divmod(int(time.monotonic() - _started), 60)
    _console.print(f"[dim]{minutes:3d}:{seconds:02d}[/dim] {line}", soft_wrap=True)


def show(rows: Sequence[Result]) -> None:
    """All results as one table."""
    table = Table("section", "cell", "unit", "median", "min", "max", "x echo", box=None)
    for row in rows:
        table.add_row(row.section, row.cell, row.unit, *map(told, (row.median, row.min, row.max, row.x_echo)))
    _console.print(table)


def told(figure: float | None) -> str:
    """A figure as people read it.

    >>> told(123456.0), told(1.5), told(None)
    ('123,456', '1.5', '-')
    """
    if figure is None:
        return "-"
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:g}"
