"""Group commits: beside the loop, since the broker's coordinator takes 5 ms over each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable, Mapping

from penstock.bus.errors import TransientError
from penstock.bus.ports import Source, TopicPartition

COMMIT_EVERY = 0.2  # seconds between commits while records keep coming
COMMIT_WHEN_IDLE = 0.02  # seconds between commits while none are there: short pauses shall not cost one each

log = logging.getLogger(__name__)


class Commits:
    """Positions that are done and that the group is still to be told; for lag only where there is state."""

    def __init__(self) -> None:
        self._untold: dict[TopicPartition, int] = {}
        self._told_at = 0.0
        self._telling: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    def __bool__(self) -> bool:
        """Whether something is left to be told."""
        return bool(self._untold)

    def is_due(self, *, idle: bool) -> bool:
        """Whether the last commit is long enough ago; when idle almost at once."""
        return time.monotonic() - self._told_at > (COMMIT_WHEN_IDLE if idle else COMMIT_EVERY)

    def add(self, positions: Mapping[TopicPartition, int]) -> None:
        """Everything before these offsets is done."""
        self._untold.update(positions)

    def forget(self, places: Iterable[TopicPartition]) -> None:
        """These places are somebody else's now."""
        for place in places:
            self._untold.pop(place, None)

    def clear(self) -> None:
        """The session is over."""
        self._untold.clear()

    def tell_soon(self, source: Source) -> None:
        """Start a commit beside the loop, so that the next batch does not wait for the coordinator."""
        if self._untold and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(quietly(self.tell(source)))

    async def tell(self, source: Source) -> None:
        """Commit now, and wait for it.

        Raises:
            TransientError: the broker is away; the positions are kept for the next commit.
        """
        async with self._one_at_a_time:
            positions, self._untold = self._untold, {}
            self._told_at = time.monotonic()
            if positions:
                try:
                    await source.commit(positions)
                except TransientError:
                    self._untold = positions | self._untold
                    raise


async def quietly(work: Awaitable[None]) -> None:
    """Do it, and let a log that is away be away: what was not committed is read again."""
    try:
        await work
    except TransientError as error:
        log.info("left undone: %s", error)
