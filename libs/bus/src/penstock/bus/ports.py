"""What the worker needs of a log. Kafka and the memory log both provide it, and pass one behaviour suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self

from penstock.contracts.batch import Headers, RawRecord

TopicPartition = tuple[str, int]
"""A topic's name and the number of a partition."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A reader's position and the log disagree: the record at `expected` is not there, the next that is has `found`.

    `expired`: retention deleted what lay between. `lost`: the log ends before the position, as after an unclean broker.
    `replaced`: the topic was deleted and made anew, so that its offsets mean other records; `found` is of the one with
    `topic_id`.
    """

    cause: Literal["expired", "lost", "replaced"]
    expected: int
    found: int
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class FetchedBatch:
    """Consecutive records of one topic partition, perhaps none.

    `position` is the next offset to read. It may be beyond the last record and one: the marker that ends a transaction
    takes an offset too, as do records of a transaction that was aborted, and nobody reads them. With a `gap` it has no
    records, and nothing more of the topic partition is fetched until the source seeks.
    """

    topic: str
    partition: int
    records: Sequence[RawRecord]
    position: int
    gap: Gap | None = None

    @property
    def next_position(self) -> int:
        """The offset to read on from: behind the gap, if there is one."""
        return self.position if self.gap is None else self.gap.found


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records to append to one topic partition, in order: their keys and values, and by index the headers of those that
    have some.
    """

    topic: str
    partition: int
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Mapping[int, Headers] = field(default_factory=dict)

    @classmethod
    def single(cls, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Self:
        """A batch of one record."""
        return cls(topic, partition, [key], [value], {0: headers} if headers else {})


MAX_RECORD_BYTES = 1_000_000  # of key and value
MAX_ENCLOSING_RECORD_BYTES = 1_500_000  # of a record that holds another one whole, in base64


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to create. Retention None: records are kept forever. `max_record_bytes` are of key and value."""

    name: str
    partitions: int
    retention_ms: int | None = None
    retention_bytes: int | None = None
    max_record_bytes: int = MAX_RECORD_BYTES


@dataclass(frozen=True, slots=True)
class TopicRetention:
    """How long and how many bytes a partition of a topic keeps (None: without a limit), and the bytes that each has."""

    milliseconds: int | None
    bytes: int | None
    sizes: Mapping[int, int]


class RebalanceListener(Protocol):
    """Is called when topic partitions are assigned to a source, before it reads them, and when they are revoked."""

    async def on_assigned(self, topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Start owning the topic partitions. The result are positions to seek to; without one, the commit counts."""

    async def on_revoked(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Finish the work on the topic partitions."""


class Source(Protocol):
    """A consumer in a group. Topic partitions are assigned to the group's members by (stream, partition)."""

    async def subscribe(self, topics: Collection[str]) -> None:
        """Consume exactly these topics from now on."""

    async def poll(self, max_records: int, wait: float) -> list[FetchedBatch]:
        """At most `max_records` records, waiting `wait` seconds for the first.

        A topic partition whose position moved without a record is in the result too, with no records.
        """

    def silence(self) -> float:
        """For how many seconds the log has not answered this member; a poll without records alone does not tell."""

    def pause(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch none of these, of those that are assigned, until they are resumed or assigned anew."""

    def resume(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Fetch these again, of those that are assigned."""

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read on from these offsets, of those that are assigned; what was fetched and not yet polled is dropped."""

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions to the group: everything before these offsets is done."""

    def end_offsets(self) -> Mapping[TopicPartition, int]:
        """The next offset of each assigned topic partition, as of its last fetch."""

    def failures(self) -> Mapping[TopicPartition, str]:
        """The topic partitions that cannot be read for now, and why; they are tried again by and by."""

    async def close(self) -> None:
        """Leave the group."""


class Sink(Protocol):
    """An idempotent producer, which keeps the order within each topic partition."""

    async def send(self, batches: Sequence[RecordBatch]) -> Awaitable[None]:
        """Send records; the result is done when the log has confirmed all of them.

        Raises (there or here):
            BrokerUnavailable: the log did not confirm; whether it has the records is unknown.
            RecordTooLarge: a record is larger than its topic takes.
        """

    async def close(self) -> None:
        """Wait for what is being sent, and disconnect."""


class Reader(Protocol):
    """Reads topic partitions from given offsets on, outside any group.

    Where the log does not have a position, a batch with the gap comes first, and then the records behind the gap.
    """

    async def add(self, starts: Mapping[TopicPartition, int]) -> None:
        """Read these topic partitions too, each from an offset on."""

    async def remove(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Read these no more."""

    async def poll(self, wait: float) -> list[FetchedBatch]:
        """The next records, waiting `wait` seconds for the first.

        Raises:
            UnreadableBatch: nothing else is there than what cannot be read. Its topic partition is left out for a
                while, and tried again by and by.
        """

    async def is_behind(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether a record before one of these offsets is still to be read, of the topic partitions that it reads."""

    async def read_to_end(self) -> list[FetchedBatch]:
        """All records up to the ends as they are now: for what is known to be small."""

    async def close(self) -> None:
        """Stop reading."""


class Log(Protocol):
    """A log: topics of partitions of records."""

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create the topics that do not exist yet, and wait until they can be written."""

    async def delete_topics(self, topics: Collection[str]) -> None:
        """Delete those of the topics that exist, with all their records, and wait until none is left.

        Raises:
            ValueError: one of them is none of a stream's own.
        """

    async def existing(self, topics: Collection[str]) -> set[str]:
        """Those of the topics that exist."""

    async def source(self, group: str, listener: RebalanceListener) -> Source:
        """Join a consumer group."""

    async def sink(self) -> Sink:
        """A new producer."""

    async def reader(self, starts: Mapping[TopicPartition, int | None]) -> Reader:
        """Read topic partitions from an offset on; None: only new records."""

    async def end_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The next offset of each topic partition that exists."""

    async def beginning_offsets(self, topic_partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset that each topic partition still has, of those that exist."""

    async def offsets_at(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offset of the first record at or after a time (milliseconds since 1970), of topic partitions that exist.

        Where every record is older it is the end.
        """

    async def retention(self, topics: Collection[str]) -> dict[str, TopicRetention]:
        """The retention of the topics, all of which exist."""

    async def acknowledged_copies(self, topics: Collection[str]) -> dict[str, int]:
        """How many copies hold a record at least once it is confirmed, of the topics that exist."""

    async def topic_ids(self, topics: Collection[str]) -> dict[str, str]:
        """The id of each topic that exists; a topic that was deleted and made anew has another."""

    async def committed(
        self, group: str, topic_partitions: Collection[TopicPartition] | None = None
    ) -> dict[TopicPartition, int]:
        """The positions that the group has committed, of these topic partitions alone if any are given."""

    async def group_members(self, prefix: str) -> dict[str, int]:
        """How many members each consumer group has now whose name begins so; a group is known by its commits, too."""

    async def close(self) -> None:
        """Close the log's own connections; sources, sinks and readers are closed by their users."""


Clock = Callable[[], int]
"""Milliseconds since 1970."""
