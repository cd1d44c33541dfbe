"""The page of the command line, docs/command-line.md: every command with its options, and the exit statuses.

`python -m tests.architecture.command_line` writes it, `make docs` calls that, and a test holds it current.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock.console.__main__ import COMMANDS, LOCAL, command_of

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"

STATUSES = {
    0: "it is done, and the answer is yes where something was asked",
    1: "it failed, or the answer is no: see the table below",
    2: "the words or a file are wrong, or a service refuses what is asked; nothing was done",
    130: "it was stopped by Ctrl-C, SIGTERM or SIGHUP",
}
"""The exit statuses, and what each means."""

WITHOUT_JSON = {
    "demo": "it is for watching; its report is in `.penstock/demo/report.json`",
    "stream schema": "what it prints is JSON",
}
"""The commands without `--json`, and why."""

ANSWERS_NO = {
    "status": "not everything is ready",
    "doctor": "a fault was found",
    "batch": "every row is refused",
    "replay": "fewer than 99 % of the events were accepted",
    "stream import": "no row was taken",
}
"""The commands that exit with 1 although they did what they do, and when."""

INTRODUCTION = f"""# The command line

Written by `make docs`; do not edit. `penstock COMMAND --help` says more of each.

With `--json` a command prints one JSON document (`logs` and `sql`: one a line) on standard output; progress, waiting
and failures go to standard error. A failure is one line there: what happened, where, and what to do.

`--url URL`, or `PENSTOCK_URL`, names the registry of a deployment anywhere, for all commands but
{", ".join(f"`{name}`" for name in LOCAL)}.

| exit status | means |
|---|---|
"""


def leaf_commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words, in the order of the help."""
    for name in COMMANDS:
        yield from _leaves(name, command_of(name))


def _leaves(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield words, command
        return
    for name, child in children.items():
        yield from _leaves(f"{words} {name}", child)


def options_of(command: Any) -> list[str]:
    """The options of a command, each by its long name."""
    names = [max(parameter.opts, key=len) for parameter in command.params if not getattr(parameter, "hidden", False)]
    return [name for name in names if name.startswith("--") and name != "--help"]


def page() -> str:
    """The text of the page."""
    statuses = "".join(f"| {status} | {text} |\n" for status, text in STATUSES.items())
    no = "".join(f"| `{words}` | {text} |\n" for words, text in ANSWERS_NO.items())
    without = "".join(f"- `{words}`: {text}\n" for words, text in WITHOUT_JSON.items())
    lines = "".join(_line(words, command) for words, command in leaf_commands())
    return (
        f"{INTRODUCTION}{statuses}\n| exits with 1 | where |\n|---|---|\n{no}\nWithout `--json`:\n\n{without}\n"
        f"## Commands\n\n| penstock … | does | options |\n|---|---|---|\n{lines}"
    )


def _line(words: str, command: Any) -> str:
    first = " ".join((command.help or "").split("\n\n")[0].split())
    named = " ".join([words, *(metavar_of(each) for each in command.params if each.param_type_name == "argument")])
    return f"| `{named}` | {first} | {' '.join(f'`{option}`' for option in options_of(command))} |\n"


def metavar_of(parameter: Any) -> str:
    """What stands for an argument in the help."""
    return str(parameter.metavar or parameter.name.upper())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
