"""Going on while the broker is away: trying until it is there, and following through its absences."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from penstock.bus.errors import TransientError
from penstock.bus.follower import Follower

PAUSE = 0.5  # seconds between tries to reach a broker that is away

log = logging.getLogger(__name__)


async def retry_until_available(attempt: Callable[[], Awaitable[None]]) -> None:
    """Try until the broker is there."""
    while True:
        try:
            return await attempt()
        except TransientError as error:
            log.warning("%s; trying again", error)
            await asyncio.sleep(PAUSE)


async def follow_forever(follower: Follower) -> None:
    """Follow until cancelled."""
    try:
        while True:
            try:
                await follower.step(0.25)
            except TransientError as error:
                log.warning("%s; trying again", error)
                await close_quietly(follower.close)
                await asyncio.sleep(PAUSE)
    finally:
        await close_quietly(follower.close)


async def close_quietly(close: Callable[[], Awaitable[None]]) -> None:
    """Close, whether or not the broker hears of it."""
    with suppress(TransientError):
        await close()
