"""Following the outcomes of the streams whose champion learns from them, outside any group: every instance folds them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from penstock.bus.ports import FetchedBatch, Log, Reader, TopicPartition
from penstock.contracts.batch import RawRecord
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import OUTCOMES
from penstock.server.learning.outcome_state import Fold

SLICE = 200  # outcomes folded before others get their turn

Followed = Sequence[tuple[str, Fold]]
"""Folds, each with its stream."""


class Lessons:
    """Brings outcomes to the folds in service, each from where it has come to."""

    def __init__(self, log: Log, namespace: str, streams: Streams) -> None:
        self.folds: Callable[[], Followed] = list
        self.cpu_seconds = 0.0
        self._log = log
        self._namespace = namespace
        self._streams = streams
        self._followed: Followed = []
        self._reader: Reader | None = None

    def facts(self) -> dict[str, float]:
        """What health says: the CPU seconds spent on learning."""
        return {"learning_seconds": round(self.cpu_seconds, 3)}

    async def start(self) -> None:
        """Begin anew with the folds in service."""
        await self.close()

    async def step(self, wait: float) -> int:
        """Fold what came since; how many outcomes that were.

        Raises:
            BrokerUnavailable: the log does not answer.
        """
        folds = self.folds()
        if folds != self._followed or (folds and self._reader is None):
            await self.close()
            self._reader, self._followed = await self._open(folds), folds
        if self._reader is None:
            await asyncio.sleep(wait)
            return 0
        return await self._fold(folds, await self._reader.poll(wait))

    async def catch_up(self, stream: str, fold: Fold) -> None:
        """Fold everything that is on the log now.

        Raises:
            BrokerUnavailable: the log does not answer.
        """
        reader = await self._open([(stream, fold)])
        if reader is not None:
            try:
                await self._fold([(stream, fold)], await reader.read_to_end())
            finally:
                await reader.close()

    async def close(self) -> None:
        """Stop following."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _open(self, folds: Followed) -> Reader | None:
        """A reader of the folds' outcomes; what the log no longer holds is passed over."""
        learnt: dict[TopicPartition, int] = {}
        for stream, fold in folds:
            place = (OUTCOMES.name(self._namespace, stream), 0)
            learnt[place] = min(fold.learnt_to, learnt.get(place, fold.learnt_to))
        begins = await self._log.begins(list(learnt)) if learnt else {}
        starts = {place: max(learnt[place], begin) for place, begin in begins.items()}
        return await self._log.reader(starts) if starts else None

    async def _fold(self, folds: Followed, fetched: Sequence[FetchedBatch]) -> int:
        for part in fetched:
            for stream, fold in folds:
                declared = self._streams.get(stream)
                if declared is not None and part.topic == OUTCOMES.name(self._namespace, stream):
                    await self._teach(fold, declared, part.records)
        return sum(len(part.records) for part in fetched)

    async def _teach(self, fold: Fold, declared: StreamDeclared, records: Sequence[RawRecord]) -> None:
        """What one fold has learnt already another may not have."""
        fresh = [record for record in records if record.offset >= fold.learnt_to]
        for start in range(0, len(fresh), SLICE):
            async with fold.in_use:
                begun = time.thread_time()
                fold.take(declared, fresh[start : start + SLICE])
                self.cpu_seconds += time.thread_time() - begun
            await asyncio.sleep(0)
