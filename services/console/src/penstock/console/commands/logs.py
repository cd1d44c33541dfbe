"""`penstock logs [SERVICE]`"""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from penstock.console.home import home_from_environment
from penstock.console.supervision.log_files import Tail, last_lines, log_files
from penstock.console.supervision.log_line import plain_line
from penstock.console.views.terminal import out

POLL_S = 0.3


def logs(
    service: Annotated[str | None, typer.Argument(help="A process that `status` shows; all unless named.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of each log.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each, with its process.")] = False,
) -> None:
    """Show the last lines of the processes' logs."""
    files = log_files(home_from_environment(), service)
    tails = {name: Tail(path) for name, path in files.items()}
    for name, path in files.items():
        _show(name, last_lines(path, lines), with_name=len(files) > 1, as_json=as_json)
    while follow:
        for name, tail in tails.items():
            _show(name, tail.new_lines(), with_name=len(files) > 1, as_json=as_json)
        time.sleep(POLL_S)


def _show(name: str, lines: list[str], *, with_name: bool, as_json: bool) -> None:
    for written in lines:
        if as_json:
            typer.echo(json.dumps({"process": name, "line": written}))
            continue
        line = plain_line(written)
        out.print(f"{name:<16} {line}" if with_name else line, markup=False)
