"""Calling again until there is a result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from penstock.console.poll import poll


def result_at(call: int) -> Callable[[], Awaitable[str | None]]:
    """A check that has no result before the call with this number, from 1."""
    calls = 0

    async def check() -> str | None:
        nonlocal calls
        calls += 1
        return "result" if calls >= call else None

    return check


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made, none of which takes time."""
    made: list[float] = []

    async def sleep(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return made


async def test_the_first_result_is_returned_after_equal_pauses(pauses: list[float]) -> None:
    assert await poll(result_at(4), 0.5) == "result"
    assert pauses == [0.5, 0.5, 0.5]


async def test_pauses_double_up_to_the_longest(pauses: list[float]) -> None:
    await poll(result_at(6), 1.0, longest_pause_s=5.0)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]


async def test_no_more_attempts_are_made_than_allowed(pauses: list[float]) -> None:
    assert await poll(result_at(3), 0.5, attempts=3) == "result"
    with pytest.raises(TimeoutError):
        await poll(result_at(4), 0.5, attempts=3)
    assert pauses == [0.5] * 4
