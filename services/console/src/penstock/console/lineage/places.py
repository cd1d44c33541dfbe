"""Places of records on the log, and reading the record at one."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from penstock.bus.ports import Log
from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import Topic

POLL_S = 0.5
MARKERS = 64  # offsets before one among which there is a record: others are taken by markers that nobody reads

_PLACE = re.compile(r"([a-z-]+)@(\d+):(\d+)")

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is: the last part of its topic's name, the partition, and the offset.

    >>> str(Place("predictions", 2, 17))
    'predictions@2:17'
    """

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}@{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The place that a text names; a topic may have its whole name. None if it names none.

        >>> Place.parse("penstock.loans.predictions@2:17")
        Place(topic='predictions', partition=2, offset=17)
        """
        match = _PLACE.fullmatch(text.rpartition(".")[2])
        return cls(match[1], int(match[2]), int(match[3])) if match else None


def names(text: str) -> Callable[[RawRecord], bool]:
    """Whether a record that Penstock wrote may name this text: what does not is not worth decoding."""
    encoded = msgspec.json.encode(text)[1:-1]
    return lambda raw: raw.value is not None and encoded in raw.value


@dataclass(frozen=True, slots=True)
class Placed(Generic[R]):
    """A record, where it is, and when the log took it (ms since 1970)."""

    record: R
    place: Place
    appended: int


@dataclass(frozen=True, slots=True)
class TopicReader(Generic[R]):
    """Reads one topic of a stream, or with `stream` None one of the control plane.

    All calls raise `TransientError` if the log does not answer. What cannot be read is passed over.
    """

    log: Log
    namespace: str
    topic: Topic[R]
    stream: StreamDeclared | None = None

    @property
    def keys(self) -> list[tuple[str, int]]:
        """Its topic partitions."""
        name = self.topic.name(self.namespace, self.stream.name if self.stream else None)
        return [(name, number) for number in range(self.topic.partitions(self.stream))]

    async def bounds(self) -> dict[int, tuple[int, int]]:
        """The first offset of each partition that has records, and the next."""
        begins, ends = await self.log.beginning_offsets(self.keys), await self.log.end_offsets(self.keys)
        spans = {number: (begins.get(key, 0), ends.get(key, 0)) for number, key in enumerate(self.keys)}
        return {number: span for number, span in spans.items() if span[0] < span[1]}

    async def offsets_after(self, appended: int) -> dict[int, int]:
        """The offset of the first record of each partition that the log took after a time (ms since 1970)."""
        found = await self.log.offsets_at(dict.fromkeys(self.keys, appended + 1))
        return {key[1]: offset for key, offset in found.items()}

    async def read(
        self, spans: dict[int, tuple[int, int]], matches: Callable[[RawRecord], bool] | None = None
    ) -> AsyncGenerator[Placed[R]]:
        """The records at offsets `[start, stop)` of partitions, of each in order; only those that `matches`, if given.

        What does not match is not decoded.
        """
        decode: Any = self.topic.decoder(self.stream)
        async for partition, raw in self.read_raw(spans, matches):
            for record, at in zip(decode(raw), raw, strict=True):
                if not isinstance(record, Unreadable):
                    yield Placed(record, Place(self.topic.short_name, partition, at.offset), at.timestamp)

    async def read_raw(
        self, spans: dict[int, tuple[int, int]], matches: Callable[[RawRecord], bool] | None = None
    ) -> AsyncGenerator[tuple[int, list[RawRecord]]]:
        """The same as they are on the log, some of a partition at a time."""
        name = self.keys[0][0]
        ends = {(name, number): stop for number, (start, stop) in spans.items() if start < stop}
        if not ends:
            return
        reader = await self.log.reader({key: spans[key[1]][0] for key in ends})
        try:
            while await reader.is_behind(ends):
                for fetched in await reader.poll(POLL_S):
                    stop = ends[fetched.topic, fetched.partition]
                    raw = [one for one in fetched.records if one.offset < stop and (matches is None or matches(one))]
                    yield fetched.partition, raw
        finally:
            await reader.close()

    async def read_all(self) -> AsyncGenerator[Placed[R]]:
        """All records that the log has now."""
        async for placed in self.read(await self.bounds()):
            yield placed

    async def at(self, partition: int, offset: int) -> Placed[R] | None:
        """The record at an offset; None if there is none, or no more."""
        begin, end = (await self.bounds()).get(partition, (0, 0))
        if not begin <= offset < end:
            return None
        found = [placed async for placed in self.read({partition: (offset, offset + 1)})]
        return found[0] if found else None

    async def last_before(self, partition: int, offset: int) -> Placed[R] | None:
        """The last record of a partition before an offset; None if there is none, or no more."""
        begin, end = (await self.bounds()).get(partition, (0, 0))
        stop = min(offset, end)
        found = None
        async for placed in self.read({partition: (max(begin, stop - MARKERS), stop)}):
            found = placed
        return found
