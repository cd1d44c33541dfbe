"""The `penstock` command: every command is registered here."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import version as package_version
from itertools import islice
from typing import Annotated, Any, NoReturn

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError
from typer.core import TyperGroup

from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.views.terminal import err
from penstock.runtime.stop_signals import interrupt_at

COMMANDS = (
    "up",
    "down",
    "status",
    "doctor",
    "logs",
    "restart",
    "stream",
    "replay",
    "batch",
    "model",
    "wait",
    "models",
    "ledger",
    "quality",
    "sql",
    "alerts",
    "drift",
    "trace",
    "served",
    "why",
    "rollout",
    "proposals",
    "rollback",
    "unit",
    "rejected",
    "dead-letters",
    "demo",
)
"""Each is a function or a Typer app of that name in its own file, `commands/<name>.py` (with `_` for `-`)."""


LOCAL = ("up", "down", "doctor", "logs", "restart", "demo")
"""Commands that work on this machine alone."""


class Commands(TyperGroup):
    """The commands, of which only those are imported that are asked for: some import all of training."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 (the base class names it)
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 (the base class names it)
        """The command of this name, None if there is none."""
        return command_of(cmd_name) if cmd_name in COMMANDS else None


@cache
def command_of(name: str) -> Any:
    """The command of this name, imported."""
    module = name.replace("-", "_")
    command = getattr(import_module(f"penstock.console.commands.{module}"), module)
    app = typer.Typer(add_completion=False)
    app.callback()(penstock)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)
    group: Any = typer.main.get_command(app)
    return group.commands[name]


def application() -> typer.Typer:
    """The command line."""
    app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(penstock)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"penstock {package_version('penstock-console')}")
        raise typer.Exit


def penstock(
    context: typer.Context,
    url: Annotated[
        str,
        typer.Option(
            envvar="PENSTOCK_URL",
            metavar="URL",
            help="The registry of the deployment to use, wherever it runs; also behind the command. "
            "Unless set, the one that runs in PENSTOCK_HOME.",
        ),
    ] = "",
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Models kept right while they run."""
    del version
    source = context.get_parameter_source("url")
    if source is not None and source.name == "COMMANDLINE" and context.invoked_subcommand in LOCAL:
        raise wrong_input(f"penstock {context.invoked_subcommand} works on this machine alone; leave out --url.")
    os.environ["PENSTOCK_URL"] = url


def split_url(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The option `--url` with its value, wherever it stands, and the other arguments.

    >>> split_url(["ledger", "loans", "--url", "http://models:8030"])
    (['--url', 'http://models:8030'], ['ledger', 'loans'])
    """
    option: list[str] = []
    others: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            return option, [*others, argument, *remaining]
        if argument == "--url":
            option = [argument, *islice(remaining, 1)]
        elif argument.startswith("--url="):
            option = ["--url", argument.removeprefix("--url=")]
        else:
            others.append(argument)
    return option, others


def main() -> None:
    """Run one command; a failure that the user can correct ends it with one line and its status.

    The exit statuses are those of docs/command-line.md.
    """
    interrupt_at(signal.SIGINT, signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it for a command that outlives its terminal
        interrupt_at(signal.SIGHUP)
    url, arguments = split_url(sys.argv[1:])
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what fails is told in one line, by us
    try:
        sys.exit(application()([*url, *arguments], prog_name="penstock", standalone_mode=False))
    except UsageError as error:
        _exit(_usage_failure(error))
    except ConsoleFailure as failure:
        _exit(failure)
    except Exception as error:
        outage = outage_failure(error)
        if outage is None:
            raise
        _exit(outage)


def _usage_failure(error: UsageError) -> ConsoleFailure:
    """What is wrong with the words of a command in one line, and which command explains them."""
    if error.ctx is None or isinstance(error, NoArgsIsHelpError):
        return wrong_input(error.format_message())
    text = " ".join(error.format_message().split())
    return wrong_input(f"{text.rstrip('.')}; see: {error.ctx.command_path} --help")


def outage_failure(error: Exception) -> ConsoleFailure | None:
    """The failure that an error of the broker or a service is to the user; None if the error is a bug of ours."""
    import httpx  # noqa: PLC0415 (slow to import, and most commands do not fail)

    from penstock.bus.errors import TransientError, UnsupportedBroker  # noqa: PLC0415

    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, TransientError | UnsupportedBroker):
        return ConsoleFailure(f"{error}; see: penstock status")
    if isinstance(error, httpx.TransportError):
        return ConsoleFailure(f"a service does not answer ({type(error).__name__}: {error}); see: penstock status")
    return None


def _exit(failure: ConsoleFailure) -> NoReturn:
    err.print(str(failure), style="red", markup=False)
    sys.exit(failure.status)


if __name__ == "__main__":
    main()
