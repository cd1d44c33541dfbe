"""A member of the group `archiver`: looks what is new on its topic partitions, and has it archived.

It owns topic partitions as the members of every group do, but fetches nothing through the group: a reader reads the
records once a file of them is due. So no record waits in memory, and a commit says what is in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from penstock.archiver.archive_files import ARCHIVED, folder_of
from penstock.archiver.archived_partition import ArchiveAhead, ArchivedPartition, FileRules
from penstock.archiver.handlers import rows_of
from penstock.archiver.partition_archive import PartitionArchive
from penstock.archiver.range_reader import RangeReader, RowsOf
from penstock.artifacts import ArtifactError
from penstock.artifacts.named_files import NamedFiles
from penstock.bus.errors import TransientError, UnreadableBatch, suppress_transient
from penstock.bus.ports import Source, TopicPartition
from penstock.bus.publisher import topic_names
from penstock.bus.unit_assignment import unit_of
from penstock.contracts.topics import ARCHIVER, Topic
from penstock.runtime.service import Resources

LOOK_MS = 5_000  # between looks at where the topics end
HOLD_MS = 60_000  # before the next try of a topic partition that failed

log = logging.getLogger(__name__)


class ArchiveFollower:
    """Is stepped as a follower of topics is, and survives the same. A topic partition that fails is held back alone."""

    def __init__(self, resources: Resources, store: NamedFiles, rules: FileRules) -> None:
        self._resources = resources
        self._store = store
        self._rules = rules
        self._source: Source | None = None
        self._reader = RangeReader(resources.log)
        self._subscription: set[str] = set()
        self._owned: dict[TopicPartition, ArchivedPartition] = {}
        self._held: dict[TopicPartition, int] = {}
        self._failures: dict[TopicPartition, str] = {}
        self._next_look = 0

    async def start(self) -> None:
        """Join the group."""
        await self.close()
        self._source = await self._resources.log.source(ARCHIVER, self)

    async def step(self, wait: float) -> int:
        """Stay a member, and archive what is due if it is time to look; how many records that were."""
        if self._source is None:
            await self.start()
        assert self._source is not None
        await self._subscribe(self._source)
        await self._source.poll(1, wait)
        self._source.pause(list(self._owned))
        if self._resources.clock() < self._next_look:
            return 0
        records = await self._look(self._source)
        if not records:
            self._next_look = self._resources.clock() + LOOK_MS
        return records

    def failures(self) -> Mapping[str, str]:
        """The topic partitions that cannot be archived for now, and why."""
        return {f"{topic}/{number}": why for (topic, number), why in self._failures.items()}

    async def close(self) -> None:
        """Leave the group."""
        source, self._source = self._source, None
        self._subscription = set()
        await self._reader.close()
        if source is not None:
            await suppress_transient(source.close())

    async def on_assigned(self, topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Own these; up to where they are archived is asked of the store at the next look."""
        self._owned |= {key: self._partition(key) for key in topic_partitions}
        if self._source is not None:
            self._source.pause(topic_partitions)
        self._next_look = 0
        return {}

    async def on_revoked(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Give these up."""
        for key in topic_partitions:
            if key in self._owned:
                self._owned.pop(key).is_owned = False
            self._held.pop(key, None)
            self._failures.pop(key, None)

    async def _subscribe(self, source: Source) -> None:
        names = topic_names(ARCHIVED, self._resources.namespace, self._resources.streams)
        if names != self._subscription:
            await source.subscribe(names)
            self._subscription = names

    def _partition(self, key: TopicPartition) -> ArchivedPartition:
        topic, stream = self._topic(key[0])
        archive = PartitionArchive(self._store, folder_of(self._resources.namespace, stream, topic.short_name, key[1]))
        return ArchivedPartition(key, self._rows_of(topic, stream, key[1]), archive, self._rules, self._resources.clock)

    def _topic(self, name: str) -> tuple[Topic[Any], str | None]:
        """The topic of that name on the log, and its stream, which may have been deleted."""
        stream, short_name = unit_of(name, 0, self._resources.namespace).stream, name.rpartition(".")[2]
        plane = "data" if stream else "control"
        return next(topic for topic in ARCHIVED if (topic.plane, topic.short_name) == (plane, short_name)), stream

    def _rows_of(self, topic: Topic[Any], stream: str | None, partition: int) -> RowsOf:
        """By the newest declaration, whenever it is called."""
        return lambda raw: rows_of(topic, self._resources.streams.known(stream) if stream else None, partition, raw)

    async def _look(self, source: Source) -> int:
        """Write a file of each topic partition of which one is due; how many records."""
        ends, records, now = await self._resources.log.end_offsets(list(self._owned)), 0, self._resources.clock()
        for key, end in sorted(ends.items()):
            partition = self._owned.get(key)
            if partition is None or now < self._held.get(key, 0):
                continue
            try:
                records += await self._step(source, key, partition, end)
            except ArtifactError as error:
                self._hold(key, f"{error}")
                break  # it is likely that nor can the others be written; the next look begins with them
            except (UnreadableBatch, ArchiveAhead) as error:
                self._hold(key, f"{error}")
            except TransientError:
                raise
            except Exception as error:
                self._hold(key, f"{type(error).__name__}: {error}", error)
            else:
                self._failures.pop(key, None)
        self._show_lags(ends)
        return records

    async def _step(self, source: Source, key: TopicPartition, partition: ArchivedPartition, end: int) -> int:
        before = partition.position
        try:
            records = await partition.step(self._reader, end)
        finally:
            if partition.position is not None and partition.position != before and partition.is_owned:
                await source.commit({key: partition.position})
        self._resources.metrics.count_consumed(key[0], records)
        return records

    def _hold(self, key: TopicPartition, why: str, bug: Exception | None = None) -> None:
        if self._failures.get(key) != why:
            log.warning("%s/%d is not archived for now: %s", *key, why, exc_info=bug)
        self._failures[key] = why
        self._held[key] = self._resources.clock() + HOLD_MS

    def _show_lags(self, ends: Mapping[TopicPartition, int]) -> None:
        for topic in {topic for topic, _ in ends}:
            lag = sum(end - (self._position(key) or 0) for key, end in ends.items() if key[0] == topic)
            self._resources.metrics.set_consumer_lag(topic, max(0, lag))

    def _position(self, key: TopicPartition) -> int | None:
        partition = self._owned.get(key)
        return partition.position if partition else None
