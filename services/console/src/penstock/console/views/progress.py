"""Progress of a command that takes a while: a bar in a terminal, elsewhere a line every so often."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

LINE_EVERY_S = 10.0

ShowCount = Callable[[int], None]
"""Called again and again with how many are done."""


@contextmanager
def progress_bar(console: Console, name: str, total: int, every_s: float = LINE_EVERY_S) -> Iterator[ShowCount]:
    """Show how many of `total` are done, at which rate, and how long the rest will take."""
    if not console.is_terminal:
        yield _Lines(console, name, total, every_s).show
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(elapsed_when_finished=True), console=console, transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def spinner(console: Console, text: str) -> Iterator[None]:
    """Show what is waited for, and for how long; elsewhere than in a terminal one line."""
    if not console.is_terminal:
        console.print(f"{text} ...")
        yield
        return
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    ) as bar:
        bar.add_task(text, total=None)
        yield


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class _Lines:
    """A line with the progress, at most every `every_s` seconds."""

    def __init__(self, console: Console, name: str, total: int, every_s: float) -> None:
        self._console = console
        self._name = name
        self._total = total
        self._every_s = every_s
        self._started = self._shown = time.monotonic()

    def show(self, done: int) -> None:
        """Print a line, if it is time for one."""
        now = time.monotonic()
        if now - self._shown >= self._every_s:
            self._shown = now
            self._console.print(progress_line(self._name, done, self._total, now - self._started))


def progress_line(name: str, done: int, total: int, seconds: float) -> str:
    """The progress in words.

    >>> progress_line("replay", 1200, 4800, 10.0)
    'replay: 1,200 of 4,800 (25 %), 120/s, 30 s left'
    """
    rate = done / seconds if seconds else 0.0
    left = f", {(total - done) / rate:,.0f} s left" if rate else ""
    return f"{name}: {done:,} of {total:,} ({done / max(total, 1):.0%}), {rate:,.0f}/s{left}".replace("%)", " %)")
