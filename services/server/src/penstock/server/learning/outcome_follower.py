"""Follows `outcomes` outside any group: every process learns from all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from penstock.bus.ports import FetchedBatch, Log, Reader, TopicPartition
from penstock.contracts.batch import RawRecord
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import OUTCOMES

CATCH_UP_WAIT = 1.0  # seconds that catching up waits for outcomes that are on the log
SLICE = 200  # outcomes learnt before other tasks get their turn


class Learner(Protocol):
    """What learns from a stream's outcomes, in this process or in another; it has learnt those before `learnt_to`."""

    learnt_to: int

    async def teach(self, declared: StreamDeclared, records: Sequence[RawRecord]) -> float:
        """Learn the next records of `outcomes`; the seconds of CPU that it took."""


Learners = Sequence[tuple[str, Learner]]
"""Learners, each with its stream."""


class OutcomeFollower:
    """Brings outcomes to the learners that are in service, to each from its own offset on.

    `learners` gives those in service; it is called at every step, since models change.
    """

    def __init__(self, log: Log, namespace: str, streams: Streams, learners: Callable[[], Learners]) -> None:
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._learners = learners
        self._followed: Learners = []
        self._reader: Reader | None = None
        self._cpu_seconds = 0.0

    def health_facts(self) -> dict[str, float]:
        """The CPU seconds spent on learning."""
        return {"learning_seconds": round(self._cpu_seconds, 3)}

    async def start(self) -> None:
        """Start anew with the learners in service."""
        await self.close()

    async def step(self, wait: float) -> int:
        """Learn from the outcomes that came since; how many those were.

        Raises:
            BrokerUnavailable: the log does not answer.
        """
        learners = self._learners()
        if learners != self._followed or (learners and self._reader is None):
            await self.close()
            self._reader, self._followed = await self._open_reader(learners), learners
        if self._reader is None:
            await asyncio.sleep(wait)
            return 0
        return await self._learn(learners, await self._reader.poll(wait))

    async def catch_up(self, stream: str, learner: Learner) -> None:
        """Have a learner that is not in service yet learn all outcomes that are on the log now, as they are read.

        Once the stream is deleted nothing is waited for.

        Raises:
            BrokerUnavailable: the log does not answer; what was learnt until then stays learnt.
        """
        reader = await self._open_reader([(stream, learner)])
        if reader is not None:
            try:
                ends = await self._log.end_offsets([(OUTCOMES.name(self._namespace, stream), 0)])
                while self._streams.get(stream) is not None and await reader.is_behind(ends):
                    await self._learn([(stream, learner)], await reader.poll(CATCH_UP_WAIT))
            finally:
                await reader.close()

    def failures(self) -> Mapping[str, str]:
        """None: it reads over what the log no longer holds."""
        return {}

    async def close(self) -> None:
        """Stop following."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _open_reader(self, learners: Learners) -> Reader | None:
        """A reader of the learners' outcomes from the least advanced on; it skips what the log no longer holds."""
        learnt: dict[TopicPartition, int] = {}
        for stream, learner in learners:
            topic_partition = (OUTCOMES.name(self._namespace, stream), 0)
            learnt[topic_partition] = min(learner.learnt_to, learnt.get(topic_partition, learner.learnt_to))
        beginnings = await self._log.beginning_offsets(list(learnt)) if learnt else {}
        starts = {partition: max(learnt[partition], beginning) for partition, beginning in beginnings.items()}
        return await self._log.reader(starts) if starts else None

    async def _learn(self, learners: Learners, fetched: Sequence[FetchedBatch]) -> int:
        for batch in fetched:
            for stream, learner in learners:
                declared = self._streams.get(stream)
                if declared is not None and batch.topic == OUTCOMES.name(self._namespace, stream):
                    await self._teach(learner, declared, batch.records)
        return sum(len(batch.records) for batch in fetched)

    async def _teach(self, learner: Learner, declared: StreamDeclared, records: Sequence[RawRecord]) -> None:
        """Have one learner learn those records that it has not learnt yet."""
        new_records = [record for record in records if record.offset >= learner.learnt_to]
        for start in range(0, len(new_records), SLICE):
            self._cpu_seconds += await learner.teach(declared, new_records[start : start + SLICE])
            await asyncio.sleep(0)
