"""What the loop needs of a log. Kafka and the memory bus both provide it, and pass one behaviour suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from penstock.contracts.batch import RawRecord

TopicPartition = tuple[str, int]
"""A topic's name and a partition."""


@dataclass(frozen=True, slots=True)
class FetchedBatch:
    """Consecutive records of one place."""

    topic: str
    partition: int
    records: Sequence[RawRecord]


Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records to append to one place, in order: the key and the value of each, and the headers of those that bear some,
    by index.
    """

    topic: str
    partition: int
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Mapping[int, Headers] = field(default_factory=dict)

    @classmethod
    def one(cls, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Self:
        """A single record."""
        return cls(topic, partition, [key], [value], {0: headers} if headers else {})


LARGEST_RECORD = 1_000_000  # bytes of key and value
LARGEST_ENCLOSING = 1_500_000  # of a record that holds another one whole, in base64


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic that should exist. Retention None: kept for ever. `largest`: bytes of key and value of a record."""

    name: str
    partitions: int
    retention_ms: int | None = None
    retention_bytes: int | None = None
    largest: int = LARGEST_RECORD


class Ownership(Protocol):
    """Told when a source gains and loses places; a source hands out no record of a place before it was gained."""

    async def gained(self, places: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Take the places over; the answer says where to read from, for the places that know."""

    async def lost(self, places: Collection[TopicPartition]) -> None:
        """Finish with the places."""


class Source(Protocol):
    """A member of a consumer group. Places are shared out among the members by (stream, partition)."""

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""

    async def poll(self, most: int, wait: float) -> list[FetchedBatch]:
        """At most `most` records, waiting `wait` seconds for the first."""

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Remember for the group that everything before these offsets is done."""

    def ends(self) -> Mapping[TopicPartition, int]:
        """The next offset of each place in hand, as of its last fetch."""

    async def close(self) -> None:
        """Leave the group."""


class Sink(Protocol):
    """Writes to the log, idempotently and in order per place."""

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        """Hand the records over; the answer is done when the log has confirmed all of them.

        Raises (there or here):
            BrokerUnavailable: the log did not confirm; whether it has the records is unknown.
            RecordTooLarge: a record exceeds what its topic takes.
        """

    async def close(self) -> None:
        """Wait for what is under way and leave."""


class Reader(Protocol):
    """Reads places from an offset on, outside any group."""

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """What came since, waiting `wait` seconds for the first."""

    async def read_to_end(self) -> list[FetchedBatch]:
        """All up to where the places end now."""

    async def close(self) -> None:
        """Stop reading."""


class Log(Protocol):
    """A log: topics of partitions of records."""

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create the topics that do not exist yet, and wait until they can be written."""

    async def source(self, group: str, ownership: Ownership) -> Source:
        """Join a consumer group."""

    async def sink(self) -> Sink:
        """A writer of one's own."""

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> Reader:
        """Read the places from an offset on, None: only what comes from now on."""

    async def ends(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each place; a place that does not exist is left out."""

    async def begins(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset each place still holds; a place that does not exist is left out."""

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        """Where the group has come to, for the places it has committed."""

    async def close(self) -> None:
        """Close every connection of the log itself; sources, sinks and readers close on their own."""


Clock = Callable[[], int]
"""Milliseconds since 1970."""
