"""Following the answers of the streams that somebody asks about, outside any group, and of no others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.ports import FetchedBatch, Log, TopicPartition
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import PREDICTIONS, REJECTED
from penstock.ingestion.answer_cache import KEPT, Answers, Kind

IDLE = 600.0  # seconds after the last question about a stream until it is followed no longer
POLL = 0.5  # seconds
PAUSE = 1.0  # seconds after the broker was away
SLICE = 1000  # answers taken in before others get their turn

log = logging.getLogger(__name__)


class Watch:
    """Follows `predictions` and `rejected` of a stream, all partitions, from the first question about it on.

    It begins so far before the ends as answers are kept, so that the first question finds what is recent. A stream that
    nobody asks about costs nothing.
    """

    def __init__(self, log: Log, namespace: str, answers: Answers, idle: float = IDLE, pause: float = PAUSE) -> None:
        self._log = log
        self._namespace = namespace
        self._answers = answers
        self._idle = idle
        self._pause = pause
        self._followed: dict[str, _Following] = {}

    def begin(self, declared: StreamDeclared) -> asyncio.Event:
        """Follow the stream if it is not followed yet; the answer is set once what is on the log now was read."""
        known = self._followed.get(declared.name)
        if known is None or known.task.done():
            known = self._followed[declared.name] = _Following(
                self._log, self._kinds(declared), self._answers, self._idle, self._pause
            )
        known.asked = asyncio.get_running_loop().time()
        return known.caught_up

    @property
    def follows(self) -> list[str]:
        """The streams that are followed."""
        return [stream for stream, following in self._followed.items() if not following.task.done()]

    def _kinds(self, declared: StreamDeclared) -> dict[TopicPartition, tuple[str, Kind]]:
        predictions, rejected = (topic.name(self._namespace, declared.name) for topic in (PREDICTIONS, REJECTED))
        numbers = range(declared.declaration.partition_count)
        return {(predictions, number): (declared.name, "prediction") for number in numbers} | {
            (rejected, number): (declared.name, "rejection") for number in numbers
        }

    async def close(self) -> None:
        """Stop following."""
        tasks = [following.task for following in self._followed.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Following:
    """One stream's answers, read until nobody has asked for long."""

    def __init__(
        self,
        log: Log,
        kinds: dict[TopicPartition, tuple[str, Kind]],
        answers: Answers,
        idle: float,
        pause: float,
    ) -> None:
        self.caught_up = asyncio.Event()
        self.asked = asyncio.get_running_loop().time()
        self._log = log
        self._kinds = kinds
        self._answers = answers
        self._idle = idle
        self._pause = pause
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self.task = asyncio.get_running_loop().create_task(self._keep_on())

    async def _keep_on(self) -> None:
        while not self._is_idle():
            try:
                await self._read()
            except BrokerUnavailable as error:
                log.warning("answers cannot be followed for now: %s", error)
                await asyncio.sleep(self._pause)

    def _is_idle(self) -> bool:
        asked_lately = asyncio.get_running_loop().time() - self.asked <= self._idle
        return not asked_lately and not self._answers.awaited

    async def _read(self) -> None:
        if not self._positions:
            await self._set_out()
        reader = await self._log.reader(self._positions)
        try:
            while not self._is_idle():
                if all(self._positions[place] >= end for place, end in self._ends.items()):
                    self.caught_up.set()
                await self._take(await reader.poll(POLL))
        finally:
            await reader.close()

    async def _set_out(self) -> None:
        begins, self._ends = await self._log.begins(self._kinds), await self._log.ends(self._kinds)
        if len(begins) < len(self._kinds) or len(self._ends) < len(self._kinds):
            raise BrokerUnavailable("the stream's topics are still being created")
        share = KEPT // len(self._kinds)
        self._positions = {place: max(begins[place], end - share) for place, end in self._ends.items()}

    async def _take(self, fetched: Iterable[FetchedBatch]) -> None:
        for records in fetched:
            place = (records.topic, records.partition)
            stream, kind = self._kinds[place]
            for number, record in enumerate(records.records):
                self._answers.take(stream, kind, record)
                if number % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
            self._positions[place] = records.records[-1].offset + 1
