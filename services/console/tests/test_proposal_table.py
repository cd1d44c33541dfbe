"""What `stream init` prints: as a user sees it in 80 columns, and where it ends with one line."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from penstock.console.commands.stream import init
from penstock.console.failure import ConsoleFailure
from penstock.console.init.propose_declaration import propose_declaration
from penstock.console.table.table import open_table
from penstock.console.views.proposal_table import next_commands, proposal_table


def printed(folder: Path, header: str, row: str, rows: int = 30) -> list[str]:
    """The lines printed for a file whose rows are alike but for the label."""
    file = folder / "rows.csv"
    file.write_text("\n".join([f"{header},y", *(f"{row},{('no', 'yes')[number % 2]}" for number in range(rows))]))
    console = Console(file=StringIO(), width=80, force_terminal=False)
    console.print(proposal_table(propose_declaration(open_table(file)), Path("stream.toml")))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


def test_it_is_plain_text_of_80_columns(tmp_path: Path) -> None:
    lines = printed(tmp_path, f"[red]{'long' * 20}[/red],zip,state", "1,00007,unknown")
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    assert lines[0].split() == ["column", "role", "type", "missing", "distinct", "note"]
    assert lines[1].startswith("[red]longlonglonglo")
    facts = {line.split()[0] for line in lines if line}
    assert {"label", "task", "entity", "time", "lags", "rows", "written"} <= facts


def test_of_many_columns_those_with_something_to_say_are_shown(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(200)]
    cells = ["007" if number == 150 else f"{number}.5" for number in range(200)]
    lines = printed(tmp_path, ",".join(names), ",".join(cells))
    assert "and 141 more columns: see the declaration" in lines
    assert len(lines) < 80
    assert any(line.startswith("y ") for line in lines)


def test_the_next_commands_can_be_pasted() -> None:
    replay, apply = next_commands(Path("my rows.csv"), Path("s.toml"))
    assert replay == "penstock replay 'my rows.csv' --stream s.toml --in-process"
    assert apply == "penstock up && penstock stream apply s.toml"


def test_too_many_columns_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    names = ",".join(f"a-rather-long-name-{number}" for number in range(4000))
    file.write_text(f"{names},y\n" + "".join(",".join(["1.5"] * 4000) + f",{label}\n" for label in ("a", "b")))
    with pytest.raises(
        ConsoleFailure, match=r"wide.csv: its 4,001 columns make a declaration of \d+ kB, at most 150 kB"
    ):
        init(file, tmp_path / "stream.toml")
    assert not (tmp_path / "stream.toml").exists()
