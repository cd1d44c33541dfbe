"""Group commits: beside the loop, since the broker's coordinator takes 5 ms over each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping

from penstock.bus.errors import BrokerUnavailable, TransientError, suppress_transient
from penstock.bus.ports import Source, TopicPartition

COMMIT_EVERY = 0.2  # seconds between commits while records keep coming
COMMIT_LIMIT = 15.0  # seconds that a commit may take: the client tries again while the coordinator is away
COMMIT_WHEN_IDLE = 0.02  # seconds between commits while none are there: short pauses shall not cost one each


class GroupCommits:
    """Positions that are done and not committed yet. Where there is state, they serve to measure consumer lag only."""

    def __init__(self) -> None:
        self._uncommitted: dict[TopicPartition, int] = {}
        self._last_commit = 0.0
        self._task: asyncio.Task[None] | None = None
        self._commit_lock = asyncio.Lock()
        self._has_hung = False

    def __bool__(self) -> bool:
        """Whether a position is left to commit."""
        return bool(self._uncommitted)

    def is_due(self, *, idle: bool) -> bool:
        """Whether the last commit is long enough ago; when idle almost at once."""
        return time.monotonic() - self._last_commit > (COMMIT_WHEN_IDLE if idle else COMMIT_EVERY)

    def add(self, positions: Mapping[TopicPartition, int]) -> None:
        """Everything before these offsets is done."""
        self._uncommitted.update(positions)

    def discard(self, topic_partitions: Iterable[TopicPartition]) -> None:
        """Drop the positions of topic partitions that were revoked."""
        for topic_partition in topic_partitions:
            self._uncommitted.pop(topic_partition, None)

    def clear(self) -> None:
        """Drop all positions: the session is over."""
        self._uncommitted.clear()

    def commit_soon(self, source: Source) -> None:
        """Start a commit beside the loop, so that the next batch does not wait for the coordinator.

        Raises:
            BrokerUnavailable: the commit before hung; with another client the next one may not.
        """
        if self._has_hung:
            self._has_hung = False
            raise BrokerUnavailable(f"a commit took longer than {COMMIT_LIMIT:g} s")
        if self._uncommitted and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(suppress_transient(self.commit(source)))

    async def commit(self, source: Source) -> None:
        """Commit now, and wait for it.

        Raises:
            TransientError: the broker is away; the positions are kept for the next commit.
        """
        async with self._commit_lock:
            positions, self._uncommitted = self._uncommitted, {}
            self._last_commit = time.monotonic()
            if positions:
                try:
                    async with asyncio.timeout(COMMIT_LIMIT):
                        await source.commit(positions)
                except TimeoutError as error:
                    self._uncommitted = positions | self._uncommitted
                    self._has_hung = True
                    raise BrokerUnavailable("the commit hangs") from error
                except TransientError:
                    self._uncommitted = positions | self._uncommitted
                    raise
