"""Following the answers of the streams that clients look up, outside any group, and of no others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.ports import FetchedBatch, Log, TopicPartition
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import PREDICTIONS, REJECTED
from penstock.ingestion.answer import AnswerKind
from penstock.ingestion.answer_cache import MAX_ANSWERS, AnswerCache
from penstock.runtime.broker_retries import retry_until_available

IDLE = 600.0  # seconds after the last lookup until a stream is no longer followed
POLL = 0.5  # seconds
PAUSE = 1.0  # seconds before a broker that is away is tried again
SLICE = 1000  # answers added before other tasks get their turn


class AnswerFollower:
    """Follows `predictions` and `rejected` of a stream, all partitions, from the first lookup on.

    It begins as many records before the ends as the cache has room for, so that the first lookup finds recent answers.
    A stream that no client looks at costs nothing.
    """

    def __init__(self, log: Log, namespace: str, cache: AnswerCache, idle: float = IDLE, pause: float = PAUSE) -> None:
        self._log = log
        self._namespace = namespace
        self._cache = cache
        self._idle = idle
        self._pause = pause
        self._followers: dict[str, _StreamFollower] = {}

    def follow(self, declared: StreamDeclared) -> asyncio.Event:
        """Follow the stream from now on; the event is set once what is on the log now was read."""
        follower = self._followers.get(declared.name)
        if follower is None or follower.task.done():
            follower = _StreamFollower(self._log, self._namespace, declared, self._cache, self._idle, self._pause)
            self._followers[declared.name] = follower
        follower.last_lookup = asyncio.get_running_loop().time()
        return follower.caught_up

    @property
    def streams(self) -> list[str]:
        """The streams that are followed now."""
        return [stream for stream, follower in self._followers.items() if not follower.task.done()]

    async def close(self) -> None:
        """Stop following."""
        tasks = [follower.task for follower in self._followers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _StreamFollower:
    """Reads one stream's answers into the cache, until there was no lookup for `idle` seconds."""

    def __init__(
        self, log: Log, namespace: str, declared: StreamDeclared, cache: AnswerCache, idle: float, pause: float
    ) -> None:
        self.caught_up = asyncio.Event()
        self.last_lookup = asyncio.get_running_loop().time()
        self._log = log
        self._stream = declared.name
        self._kinds = _answer_kinds(namespace, declared)
        self._cache = cache
        self._idle = idle
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        following = retry_until_available(self._read_until_idle, pause=pause)
        self.task = asyncio.get_running_loop().create_task(following)

    def _is_idle(self) -> bool:
        seconds = asyncio.get_running_loop().time() - self.last_lookup
        return seconds > self._idle and not self._cache.subscriptions.count

    async def _read_until_idle(self) -> None:
        if self._is_idle():
            return
        if not self._positions:
            await self._set_positions()
        reader = await self._log.reader(self._positions)
        try:
            while not self._is_idle():
                if all(self._positions[key] >= end for key, end in self._ends.items()):
                    self.caught_up.set()
                await self._add(await reader.poll(POLL))
        finally:
            await reader.close()

    async def _set_positions(self) -> None:
        beginnings = await self._log.beginning_offsets(self._kinds)
        self._ends = await self._log.end_offsets(self._kinds)
        if len(beginnings) < len(self._kinds) or len(self._ends) < len(self._kinds):
            raise BrokerUnavailable("the stream's topics are still being created")
        share = MAX_ANSWERS // len(self._kinds)
        self._positions = {key: max(beginnings[key], end - share) for key, end in self._ends.items()}

    async def _add(self, batches: Iterable[FetchedBatch]) -> None:
        for batch in batches:
            topic_partition = (batch.topic, batch.partition)
            kind = self._kinds[topic_partition]
            for index, record in enumerate(batch.records):
                self._cache.add(self._stream, kind, record)
                if index % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
            self._positions[topic_partition] = batch.next_position


def _answer_kinds(namespace: str, declared: StreamDeclared) -> dict[TopicPartition, AnswerKind]:
    """What the topic partitions hold in which the stream's answers are."""
    partitions = range(declared.declaration.partition_count)
    predictions, rejected = (topic.name(namespace, declared.name) for topic in (PREDICTIONS, REJECTED))
    kinds: dict[TopicPartition, AnswerKind] = {(predictions, number): "prediction" for number in partitions}
    return kinds | {(rejected, number): "rejection" for number in partitions}
