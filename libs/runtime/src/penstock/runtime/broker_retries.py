"""Retrying while the broker is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from penstock.bus.errors import TransientError, suppress_transient
from penstock.bus.follower import Follower

PAUSE = 0.5  # seconds between attempts to reach a broker that is away
FOLLOW_WAIT = 0.25  # seconds that a follower waits for records

log = logging.getLogger(__name__)


async def retry_until_available(
    attempt: Callable[[], Awaitable[None]],
    *,
    pause: float = PAUSE,
    reset: Callable[[], Awaitable[None]] | None = None,
    note: Callable[[TransientError], None] = lambda _: None,
) -> None:
    """Call `attempt` until it returns, again `pause` seconds after a `TransientError`.

    `reset` prepares another try, `note` is told each error.
    """
    while True:
        try:
            return await attempt()
        except TransientError as error:
            note(error)
            log.warning("%s; trying again in %g s", error, pause)
            if reset is not None:
                await suppress_transient(reset())
            await asyncio.sleep(pause)


async def follow_forever(follower: Follower) -> None:
    """Follow until cancelled, through the broker's absences."""

    async def follow() -> None:
        while True:
            await follower.step(FOLLOW_WAIT)

    try:
        await retry_until_available(follow, reset=follower.close)
    finally:
        await suppress_transient(follower.close())
