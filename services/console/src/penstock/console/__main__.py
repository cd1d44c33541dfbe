"""The `penstock` command: every command is registered here."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable
from importlib import import_module

import typer

from penstock.console.failure import ConsoleFailure
from penstock.console.views.terminal import err

COMMANDS = (
    "up",
    "down",
    "status",
    "logs",
    "restart",
    "stream",
    "replay",
    "wait",
    "ledger",
    "quality",
    "rollout",
    "demo",
)
"""Each lies in a file of its own, `commands/<name>.py`, as a function or a Typer app of that name."""


def application(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.callback()(penstock)
    for name in names:
        command = getattr(import_module(f"penstock.console.commands.{name}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def penstock() -> None:
    """Models kept right while they run."""


def main() -> None:
    """Run one command; what a user can put right ends it with one line and its status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    # Only the command that is called is imported: some carry the machinery of training with them.
    asked = [name for name in COMMANDS if sys.argv[1:2] == [name]]
    try:
        application(asked or COMMANDS)()
    except ConsoleFailure as failure:
        err.print(str(failure), style="red", markup=False)
        sys.exit(failure.status)


if __name__ == "__main__":
    main()
