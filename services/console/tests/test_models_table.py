"""What the lists of models and streams say, from what the registry gives."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from penstock.console.demo.demo import demo_declaration
from penstock.console.views.models_table import models_table
from penstock.console.views.stream_table import stream_table


def text_of(table: Any) -> str:
    console = Console(width=200, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"serving": True, "archived": False, "passed": True}, "serves"),
        ({"serving": False, "archived": True, "passed": True}, "archived"),
        ({"serving": False, "archived": False, "passed": True}, "passed the gate"),
        ({"serving": False, "archived": False, "passed": False}, "did not pass the gate"),
    ],
)
def test_a_model_is_told_with_what_became_of_it(state: dict[str, bool], words: str) -> None:
    model = {"version": 3, "family": "linear", "digest": f"sha256:{'a' * 64}", "run": None}
    line = text_of(models_table([{"model": model, "registered": "2026-05-01T10:00:00Z", **state}]))
    assert all(part in line for part in ("3", "linear", "2026-05-01 10:00:00", words, "a" * 12))


@pytest.mark.parametrize("hold", [None, {"epoch": 4, "by": "kim"}])
def test_a_stream_is_told_with_what_serves_and_what_holds_it(hold: dict[str, Any] | None) -> None:
    declared = demo_declaration().model_dump(mode="json", by_alias=True)
    stream = {"name": "loans", "version": 2, "epoch": 5, "champion": 3, "hold": hold, "declaration": declared}
    pause = {"by": "ann", "time": "2026-05-01T12:00:00Z", "detail": "bad feed", "intake": False}
    assert "by ann (bad feed): nothing is trained or promoted" in text_of(stream_table({**stream, "pause": pause}))
    lines = text_of(stream_table(stream))
    assert "version 3, epoch 5" in lines
    assert ("since the rollback at epoch 4 by kim" in lines) == (hold is not None)
