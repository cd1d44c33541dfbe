"""Log files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home
from penstock.console.supervision.log_files import Tail, last_lines, log_files, rotate_log
from penstock.console.supervision.log_line import plain_line

from .conftest import SIGINT_IGNORED


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_last_lines_are_the_last(tmp_path_factory: pytest.TempPathFactory, written: int, count: int) -> None:
    path = tmp_path_factory.mktemp("logs") / "a.log"
    lines = [f"line {number}" for number in range(written)]
    path.write_text("".join(f"{line}\n" for line in lines))
    assert last_lines(path, count) == lines[max(0, written - count) :]


def test_a_log_that_grew_too_large_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"x" * 10)
    rotate_log(path, max_bytes=10)
    assert path.exists()
    rotate_log(path, max_bytes=9)
    assert not path.exists()
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 10


def test_a_tail_gives_whole_lines_once_and_follows_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("before\n")
    tail = Tail(path)
    with path.open("a") as file:
        file.write("one\ntw")
    assert tail.new_lines() == ["one"]
    with path.open("a") as file:
        file.write("o\n")
    assert tail.new_lines() == ["two"]
    assert tail.new_lines() == []
    path.write_text("new\n")
    assert tail.new_lines() == ["new"]


def test_an_unknown_log_names_those_there_are(home: Home) -> None:
    home.log_file("drift-detector").touch()
    assert log_files(home, "drift_detector") == {"drift-detector": home.log_file("drift-detector")}
    with pytest.raises(ConsoleFailure, match=r"no log of scorer .* there are drift-detector"):
        log_files(home, "scorer")


@pytest.mark.parametrize("launcher", [(), SIGINT_IGNORED], ids=["", "sigint-ignored"])
def test_following_a_log_ends_at_an_interrupt(home: Home, launcher: tuple[str, ...]) -> None:
    home.log_file("server").write_text("first line\n")
    with subprocess.Popen(
        [*launcher, sys.executable, "-m", "penstock.console", "logs", "--follow"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as logs:
        try:
            assert logs.stdout
            assert logs.stdout.readline() == b"first line\n"
            logs.send_signal(signal.SIGINT)
            assert logs.wait(20) == 130
        finally:
            logs.kill()


def test_lines_of_json_are_shown_as_text_with_their_traceback() -> None:
    start = '{"@timestamp":"2026-01-01T00:00:00.000Z","log.level":"error","message":"failed"'
    error = '"error":{"type":"ValueError","message":"wrong","stack_trace":"  File a.py\\n"}}'
    assert plain_line(f"{start},{error}") == "2026-01-01T00:00:00.000Z ERROR failed\n  File a.py\nValueError: wrong"
    assert plain_line('{"no": "log line"}') == '{"no": "log line"}'
    assert plain_line("{cut") == "{cut"
