"""`penstock rejected` and `penstock dead-letters`: what is wrong in the words is said in one line."""

from __future__ import annotations

import pytest

from .failing_command import WrongInputCommand, wrong_input

__all__ = ["wrong_input"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "loans", "7"), "'7': expected a record as PARTITION:OFFSET, such as 0:17"),
        (("edit", "loans", "--where", "colour=red"), "--where colour=...: expected one of code, field, kind,"),
        (("edit", "loans", "--set", "amount"), "--set amount: expected NAME=VALUE"),
        (("edit", "loans", "--cast", "amount=money"), "--cast: Input should be 'number', 'integer'"),
        (("preview", "loans", "--where", "since=noon"), "--where since: Input should be a valid datetime"),
        (("drop", "loans", "--reason", "old"), "say which records are dropped: by AT, or by --where"),
        (("drop", "loans", "0:1", "--reason", " "), "say why they are dropped: --reason"),
        (("edit", "loans", "0:1", "0:2", "--file", __file__), "name one record (AT) to write it anew, or give --set"),
        (("edit", "loans", "0:1", "--file", __file__, "--set", "a=1"), "--file writes a record anew: leave the other"),
    ],
)
@pytest.mark.parametrize("command", ["rejected", "dead-letters"])
def test_what_is_wrong_is_said_before_anything_is_done(
    wrong_input: WrongInputCommand, command: str, words: tuple[str, ...], said: str
) -> None:
    assert wrong_input(command, *words).startswith(said)
