"""Retries: a transient error is retried, any other is raised, and a follower survives the broker's absence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from penstock.bus.errors import TransientError
from penstock.runtime.broker_retries import follow_forever, retry_until_available


class UnreliableFollower:
    """Fails on its first steps and when it is closed."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.steps = 0
        self.closed = 0

    async def start(self) -> None:
        """Nothing to start."""

    async def step(self, wait: float) -> int:  # noqa: ARG002 - never waits
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise TransientError("the broker is away")
        self.steps += 1
        return 0

    def failures(self) -> Mapping[str, str]:
        return {}

    async def close(self) -> None:
        self.closed += 1
        raise TransientError("the broker is away")


async def test_a_transient_error_is_retried_after_a_reset_and_any_other_is_raised() -> None:
    errors: list[Exception] = [TransientError("away"), TransientError("away"), LookupError("a bug")]
    resets: list[int] = []

    async def attempt() -> None:
        raise errors.pop(0)

    async def reset() -> None:
        resets.append(len(errors))
        raise TransientError("still away")

    with pytest.raises(LookupError):
        await retry_until_available(attempt, pause=0, reset=reset)
    assert resets == [2, 1]


async def test_a_follower_is_closed_and_stepped_again_after_a_transient_error() -> None:
    follower = UnreliableFollower(failures=1)
    task = asyncio.create_task(follow_forever(follower))
    async with asyncio.timeout(20):
        while not follower.steps:  # noqa: ASYNC110 (the follower has no event for it)
            await asyncio.sleep(0)
    assert follower.closed == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert follower.closed == 2
