"""The `penstock` command: every command is registered here."""

from __future__ import annotations

import signal
import sys

import typer

from penstock.console.commands.down import down
from penstock.console.commands.logs import logs
from penstock.console.commands.restart import restart
from penstock.console.commands.status import status
from penstock.console.commands.up import up
from penstock.console.failure import ConsoleFailure
from penstock.console.terminal import err

app = typer.Typer(
    help="Models kept right while they run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (up, down, status, logs, restart):
    app.command()(command)


def main() -> None:
    """Run one command; what a user can put right ends it with one line and its status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        app()
    except ConsoleFailure as failure:
        err.print(str(failure), style="red", markup=False)
        sys.exit(failure.status)


if __name__ == "__main__":
    main()
