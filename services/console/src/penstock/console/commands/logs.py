"""`penstock logs [SERVICE]`"""

from __future__ import annotations

import time
from typing import Annotated

import typer

from penstock.console.home import home_from_environment
from penstock.console.supervision.log_files import Tail, last_lines, log_files
from penstock.console.views.terminal import out

LOOK_EVERY_S = 0.3


def logs(
    service: Annotated[str | None, typer.Argument(help="One that status shows; all unless given.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of each to begin with.")] = 20,
) -> None:
    """Show what the processes wrote last."""
    files = log_files(home_from_environment(), service)
    tails = {name: Tail(path) for name, path in files.items()}
    for name, path in files.items():
        _show(name, last_lines(path, lines), len(files) > 1)
    while follow:
        for name, tail in tails.items():
            _show(name, tail.new_lines(), len(files) > 1)
        time.sleep(LOOK_EVERY_S)


def _show(name: str, lines: list[str], named: bool) -> None:
    for line in lines:
        out.print(f"{name:<16} {line}" if named else line, markup=False)
