"""Running a command that must fail, within the test's process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from penstock.console.__main__ import main

WrongInputCommand = Callable[..., str]
"""Runs `penstock WORDS`, which must fail for wrong input; the one line of its message."""

HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def wrong_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[WrongInputCommand]:
    """Run a command that must end with status 2, one line on stderr and nothing on stdout."""
    handlers = {number: signal.getsignal(number) for number in HANDLED_SIGNALS}

    def run(*words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["penstock", *map(str, words)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        output = capsys.readouterr()
        assert (exit_info.value.code, output.out, output.err.count("\n")) == (2, "", 1), output
        return output.err.strip()

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
