"""A stream whose answers are followed: where they lie, how far they were read, and when somebody looked last."""

from __future__ import annotations

import asyncio

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.ports import FetchedBatch, Log, TopicPartition
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import PREDICTIONS, REJECTED
from penstock.ingestion.answer import AnswerKind
from penstock.ingestion.answer_cache import MAX_ANSWERS


class FollowedStream:
    """Where one stream's answers are read. `positions` are empty until the stream is located."""

    def __init__(self, namespace: str, declared: StreamDeclared) -> None:
        self.name = declared.name
        self.kinds = _answer_kinds(namespace, declared)
        self.positions: dict[TopicPartition, int] = {}
        self.caught_up = asyncio.Event()
        self._ends: dict[TopicPartition, int] = {}
        self.looked_up()

    @property
    def topics(self) -> set[str]:
        """The topics that its answers lie in."""
        return {topic for topic, _ in self.kinds}

    def looked_up(self) -> None:
        """Somebody looks at it now."""
        self._last_lookup = asyncio.get_running_loop().time()

    def is_idle(self, seconds: float) -> bool:
        """Whether nobody has looked at it for so long."""
        return asyncio.get_running_loop().time() - self._last_lookup > seconds

    async def locate(self, log: Log) -> None:
        """Find where to begin: as many records before the ends as the cache has room for.

        Raises:
            BrokerUnavailable: the log does not answer, or lacks the stream's topics.
        """
        beginnings = await log.beginning_offsets(self.kinds)
        ends = await log.end_offsets(self.kinds)
        if len(beginnings) < len(self.kinds) or len(ends) < len(self.kinds):
            raise BrokerUnavailable("the stream's topics are still being created")
        share = MAX_ANSWERS // len(self.kinds)
        self.positions = {key: max(beginnings[key], end - share) for key, end in ends.items()}
        self._ends = {key: end for key, end in ends.items() if end > self.positions[key]}
        self._note_caught_up()

    def advance(self, batch: FetchedBatch) -> None:
        """A batch was read."""
        key = (batch.topic, batch.partition)
        self.positions[key] = batch.next_position
        if self._ends and batch.next_position >= self._ends.get(key, batch.next_position + 1):
            del self._ends[key]
            self._note_caught_up()

    def _note_caught_up(self) -> None:
        if not self._ends:
            self.caught_up.set()


def _answer_kinds(namespace: str, declared: StreamDeclared) -> dict[TopicPartition, AnswerKind]:
    """What the topic partitions hold in which the stream's answers are."""
    partitions = range(declared.declaration.partition_count)
    predictions, rejected = (topic.name(namespace, declared.name) for topic in (PREDICTIONS, REJECTED))
    kinds: dict[TopicPartition, AnswerKind] = {(predictions, number): "prediction" for number in partitions}
    return kinds | {(rejected, number): "rejection" for number in partitions}
