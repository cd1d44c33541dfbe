"""Followers: control topics read whole by every instance, from the start and then as they grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from penstock.bus.errors import ReplacedTopic
from penstock.bus.ports import FetchedBatch, Log, Reader
from penstock.contracts.batch import Unreadable
from penstock.contracts.topics import Topic

START_WAIT = 1.0  # seconds that a start waits for records that are on the log
MENDING = "restore the broker's data, or begin a deployment anew with an empty data folder and restart the services"

R = TypeVar("R")


class Follower(Protocol):
    """Reads topics outside any group, for as long as the service runs."""

    async def start(self) -> None:
        """Begin reading, or begin anew."""

    async def step(self, wait: float) -> int:
        """Apply new records, waiting `wait` seconds for the first; how many they were."""

    def failures(self) -> Mapping[str, str]:
        """The topics that it does not read on, and why."""

    async def close(self) -> None:
        """Stop reading; `start` continues where this stopped."""


class TopicFollower(Generic[R]):
    """Applies every record of a control topic, from the first on, outside any group.

    `apply` is called once for each record, in order. Unreadable records are skipped: the service that consumes the
    topic in a group writes them to the dead letters.
    """

    def __init__(self, log: Log, namespace: str, topic: Topic[R], apply: Callable[[R], None]) -> None:
        self._log = log
        self._topic_partition = (topic.name(namespace), 0)
        self._decode = topic.decoder(None)
        self._apply = apply
        self._reader: Reader | None = None
        self._topic_id: str | None = None
        self._is_kept = topic.retention == "forever"
        self._hold: str | None = None
        self.position = 0

    async def start(self) -> None:
        """Apply everything that is there now, as it is read.

        Raises:
            BrokerUnavailable: the log does not answer; the next start continues after what was applied.
            ReplacedTopic: records are gone that this never read, or the topic is another one than before.
        """
        await self.close()
        await self._check_topic()
        self._reader = await self._log.reader({self._topic_partition: self.position})
        ends = await self._log.end_offsets([self._topic_partition])
        while await self._reader.is_behind(ends):
            self._apply_all(await self._reader.poll(START_WAIT))
        self._hold = None

    async def step(self, wait: float) -> int:
        """Apply new records; how many they were."""
        if self._reader is None:
            await self.start()
        assert self._reader is not None
        return self._apply_all(await self._reader.poll(wait))

    async def _check_topic(self) -> None:
        topic = self._topic_partition[0]
        topic_id = (await self._log.topic_ids([topic])).get(topic)
        if self._topic_id is not None and topic_id != self._topic_id:
            raise self._held(f"{topic} was deleted or made anew; {MENDING}")
        self._topic_id = topic_id

    def _held(self, reason: str) -> ReplacedTopic:
        self._hold = reason
        return ReplacedTopic(reason)

    def failures(self) -> Mapping[str, str]:
        """The topic, if its earlier records are gone: it is held until it starts with them, and looked at again."""
        return {self._topic_partition[0]: self._hold} if self._hold else {}

    async def close(self) -> None:
        """Stop reading; `start` continues where this stopped."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    def _apply_all(self, batches: Iterable[FetchedBatch]) -> int:
        count = 0
        for batch in batches:
            if batch.gap is not None and (self._is_kept or batch.gap.cause != "expired"):
                raise self._held(
                    f"{batch.topic} is read whole, but its records from offset {batch.gap.expected} on are gone "
                    f"({batch.gap.cause}, the log has {batch.gap.found}); {MENDING}"
                )
            decoded: list[Any] = self._decode(batch.records)
            for raw, record in zip(batch.records, decoded, strict=True):
                self.position = raw.offset + 1
                if not isinstance(record, Unreadable):
                    self._apply(record)
                count += 1
        return count
