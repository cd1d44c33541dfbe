"""Calling a command within the test's process, as `penstock WORDS`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from penstock.console.__main__ import main

Complaint = Callable[..., str]
"""Calls a command that must fail for wrong input; the one line that it says."""

HANDLED = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def complaint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Complaint]:
    """Call a command; it must end with status 2, one line on stderr and nothing on stdout."""
    before = {number: signal.getsignal(number) for number in HANDLED}

    def call(*words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["penstock", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code, said.out, said.err.count("\n")) == (2, "", 1), said
        return said.err.strip()

    yield call
    for number, handler in before.items():
        signal.signal(number, handler)
