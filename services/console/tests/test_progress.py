"""Progress where there is no terminal: lines on the error output, a few of them, and nothing else."""

from __future__ import annotations

import io

from rich.console import Console

from penstock.console.views.progress import progress_bar, progress_line, spinner


def test_without_a_terminal_a_line_is_written_every_so_often() -> None:
    output = io.StringIO()
    with progress_bar(Console(file=output, soft_wrap=True), "replay", 4, every_s=0.0) as show:
        show(1)
        show(2)
    lines = output.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == ["replay: 1 of 4 (25 %)", "replay: 2 of 4 (50 %)"]


def test_a_short_command_writes_nothing() -> None:
    output = io.StringIO()
    with progress_bar(Console(file=output), "replay", 4) as show:
        show(4)
    assert output.getvalue() == ""


def test_in_a_terminal_the_bar_is_gone_at_the_end() -> None:
    output = io.StringIO()
    with progress_bar(Console(file=output, force_terminal=True), "replay", 4) as show:
        show(2)
    assert "replay" in output.getvalue()
    assert not output.getvalue().endswith("\n")


def test_what_is_waited_for_is_one_line() -> None:
    output = io.StringIO()
    with spinner(Console(file=output), "waiting until loans is quiet"):
        pass
    assert output.getvalue() == "waiting until loans is quiet ...\n"


def test_a_line_without_a_rate_yet() -> None:
    assert progress_line("import", 0, 0, 0.0) == "import: 0 of 0 (0 %), 0/s"
