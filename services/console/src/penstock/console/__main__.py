"""The `penstock` command: every command is registered here."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable
from importlib import import_module

import typer

from penstock.console.failure import ConsoleFailure
from penstock.console.views.terminal import err
from penstock.runtime.stop_signals import interrupt_at

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
"""Each is a function or a Typer app of that name in its own file, `commands/<name>.py`."""


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
    """Run one command; a failure that the user can correct ends it with one line and its status."""
    interrupt_at(signal.SIGINT, signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it for a command that outlives its terminal
        interrupt_at(signal.SIGHUP)
    # Only the called command is imported: some import all of training.
    called = [name for name in COMMANDS if sys.argv[1:2] == [name]]
    try:
        application(called or COMMANDS)()
    except ConsoleFailure as failure:
        err.print(str(failure), style="red", markup=False)
        sys.exit(failure.status)


if __name__ == "__main__":
    main()
