"""Commands keep to one way: `--json`, documented exit statuses, and failures of one line."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from penstock.console import __main__ as command_line
from penstock.console.failure import ConsoleFailure

from .command_line import ANSWERS_NO, PAGE, STATUSES, WITHOUT_JSON, leaf_commands, metavar_of, options_of, page

CONSOLE = Path(command_line.__file__).parent
LEAVES = dict(leaf_commands())
NOWHERE = "http://127.0.0.1:1"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make docs"


def test_every_command_prints_json_or_says_why_not() -> None:
    without = {words for words, command in LEAVES.items() if "--json" not in options_of(command)}
    assert without == set(WITHOUT_JSON)
    assert set(ANSWERS_NO) <= set(LEAVES)


def statuses_in(path: Path) -> Iterator[int]:
    """The statuses that a module names: of `typer.Exit(...)`, `sys.exit(...)`, and `status=` of a failure."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            ends = ast.unparse(node.func) in ("typer.Exit", "sys.exit")
            parts = [*(node.args if ends else ()), *(word.value for word in node.keywords if word.arg == "status")]
            constants = [each for part in parts for each in ast.walk(part) if isinstance(each, ast.Constant)]
            yield from (each.value for each in constants if type(each.value) is int)


def test_every_exit_status_is_documented() -> None:
    commands = [CONSOLE / "__main__.py", CONSOLE / "failure.py", *sorted((CONSOLE / "commands").glob("*.py"))]
    assert {status for path in commands for status in statuses_in(path)} == set(STATUSES)
    assert ConsoleFailure("it failed").status == 1
    no = {path.stem.replace("_", " ") for path in commands if "raise typer.Exit(1)" in path.read_text(encoding="utf-8")}
    assert no == set(ANSWERS_NO)


class Printed(NamedTuple):
    """How a command ended, and what it printed."""

    status: object
    out: str
    err: str


Run = Callable[..., Printed]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in this process, on an empty home."""
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PENSTOCK_URL", "")
    monkeypatch.setattr(command_line, "interrupt_at", lambda *_: None)

    def run_once(*arguments: str) -> Printed:
        monkeypatch.setattr(sys, "argv", ["penstock", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        return Printed(ended.value.code, *capsys.readouterr())

    return run_once


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a table and its declaration."""
    (tmp_path / "rows.csv").write_text("id,x,y\n1,2,a\n2,3,b\n")
    (tmp_path / "stream.toml").write_text(
        '[stream]\nname = "loans"\ntask = "binary"\n[label]\nname = "y"\nclasses = ["a", "b"]\n'
        '[fields]\nx = { type = "number" }\n'
    )
    return tmp_path


FILES = {
    "FILE": "rows.csv",
    "stream apply FILE": "stream.toml",
    "replay --stream": "stream.toml",
    "--output": "out.csv",
}
VALUES = {"SELECT": "select 1", "AT": "0:0", "VERSION": "1", "VERSION...": "1", "ID": "1", "--reason": "why"}
MORE_WORDS = {
    "batch": ["--from", "2026-01-01"],
    "model export": ["--sklearn"],
    "rejected edit": ["--set", "a=1"],
    "dead-letters edit": ["--set", "a=1"],
    "rejected drop": ["0:0"],
    "dead-letters drop": ["0:0"],
    "stream delete": ["--yes"],
}
NEEDS_NO_REGISTRY = {"stream schema", "stream init", *command_line.LOCAL}


def words_of(words: str, command: Any, files: Path) -> Iterator[str]:
    """The command with something for each argument and option that it needs."""
    yield from words.split()
    for parameter in command.params:
        if parameter.required:
            is_option = parameter.param_type_name == "option"
            name = max(parameter.opts, key=len) if is_option else metavar_of(parameter)
            file = FILES.get(f"{words} {name}", FILES.get(name))
            yield from [name] if is_option else []
            yield str(files / file) if file else VALUES.get(name, "loans")
    yield from MORE_WORDS.get(words, [])


@pytest.mark.parametrize("words", sorted(LEAVES.keys() - NEEDS_NO_REGISTRY))
def test_a_registry_that_cannot_be_reached_is_one_line_with_status_1(words: str, run: Run, files: Path) -> None:
    printed = run("--url", NOWHERE, *words_of(words, LEAVES[words], files))
    assert (printed.status, printed.out, printed.err.count("\n")) == (1, "", 1), printed
    assert NOWHERE in printed.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["stream", "pause", "loans"], "Missing option '--reason'"),
        (["rollback", "loans", "--too", "1"], "No such option: --too"),
        (["served"], "Missing argument 'STREAM'; see: penstock served --help"),
        (["unknown"], "No such command 'unknown'"),
        (["proposals", "approve", "x"], "Invalid value for 'ID'"),
    ],
)
def test_wrong_words_are_one_line_with_status_2(arguments: list[str], says: str, run: Run) -> None:
    printed = run(*arguments)
    assert (printed.status, printed.out, printed.err.count("\n")) == (2, "", 1), printed
    assert says in printed.err
