"""The log as one life of a service reaches it: there it may crash, and its writes may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import NewTopic, RebalanceListener, RecordBatch, Sink, TopicPartition
from tests.faults.life import Life


class FaultySink:
    """A producer of one life. One that has failed stays broken, as Kafka's does."""

    def __init__(self, sink: Sink, life: Life) -> None:
        self._sink = sink
        self._life = life
        self._broken = False

    async def send(self, batches: Sequence[RecordBatch]) -> Awaitable[None]:
        """Send, unless a fault says otherwise."""
        self._life.pass_point("before-send")
        fault = self._life.take_write_fault()
        if self._broken or fault == "refused":
            self._broken = True
            raise BrokerUnavailable("the write was refused")
        if self._life.crash_at == "during-publish":
            await (await self._sink.send(batches[: (len(batches) + 1) // 2]))
            self._life.pass_point("during-publish")
        if fault == "lost":
            return self._fail()
        written = await self._sink.send(batches)
        return self._confirm(written, fault)

    async def _confirm(self, written: Awaitable[None], fault: str | None) -> None:
        await written
        self._life.pass_point("after-publish")
        if fault == "doubtful":
            await self._fail()

    async def _fail(self) -> None:
        self._broken = True
        await asyncio.sleep(0)
        raise BrokerUnavailable("no confirmation came")

    async def close(self) -> None:
        """Disconnect."""
        await self._sink.close()


class FaultySource:
    """A member of a group, of one life."""

    def __init__(self, source: Any, life: Life) -> None:
        self.member = source
        self._life = life

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit, unless the life ends."""
        self._life.pass_point("before-commit")
        await self.member.commit(positions)
        self._life.pass_point("after-commit")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.member, name)


class FaultyLog:
    """The log as one life of a service reaches it."""

    def __init__(self, log: MemoryLog, life: Life) -> None:
        self._log = log
        self._life = life
        self.sources: list[FaultySource] = []

    async def source(self, group: str, listener: RebalanceListener) -> FaultySource:
        """A member of a group."""
        self.sources.append(FaultySource(await self._log.source(group, listener), self._life))
        return self.sources[-1]

    async def sink(self) -> FaultySink:
        """A producer."""
        return FaultySink(await self._log.sink(), self._life)

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """As the log."""
        await self._log.create(topics)

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> Any:
        """As the log."""
        return await self._log.reader(starts)

    async def end_offsets(self, keys: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """As the log."""
        return await self._log.end_offsets(keys)

    async def beginning_offsets(self, keys: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """As the log."""
        return await self._log.beginning_offsets(keys)

    async def existing(self, topics: Collection[str]) -> set[str]:
        """As the log."""
        return await self._log.existing(topics)

    async def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """As the log."""
        return await self._log.topic_ids(topics)

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """As the log."""
        return await self._log.committed(group)

    async def close(self) -> None:
        """As the log."""
