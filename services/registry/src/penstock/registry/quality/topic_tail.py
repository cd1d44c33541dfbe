"""The newest records of a stream's topic, read outside any group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from penstock.bus.ports import FetchedBatch, Log
from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import Topic

POLL_S = 0.5

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TailRecord(Generic[R]):
    """A record with its place; `follows_a_cut`: it is the first of a partition whose earlier ones are not read."""

    record: R
    raw: RawRecord
    follows_a_cut: bool


async def read_tail(
    log: Log, namespace: str, stream: StreamDeclared, topic: Topic[R], most: int
) -> AsyncGenerator[TailRecord[R]]:
    """The newest records of a topic, about `most` over all partitions, as far as it has come by now.

    What cannot be read is passed over: the service that consumes the topic puts it into the dead letters.

    Raises:
        TransientError: the log does not answer.
    """
    partitions = topic.partitions(stream)
    keys = [(topic.name(namespace, stream.name), number) for number in range(partitions)]
    begins, ends = await log.beginning_offsets(keys), await log.end_offsets(keys)
    keys = [key for key in keys if key in begins and begins[key] < ends.get(key, 0)]
    if not keys:
        return  # a consumer of nothing does not close
    starts = {key: max(begins[key], ends[key] - most // partitions) for key in keys}
    decode: Any = topic.decoder(stream)
    is_first = {key: start > 0 for key, start in starts.items()}
    reader = await log.reader(dict(starts))
    try:
        while await reader.is_behind(ends):
            for fetched in await reader.poll(POLL_S):
                key = (fetched.topic, fetched.partition)
                for record, raw in _decoded(decode, fetched, ends[key]):
                    yield TailRecord(record, raw, is_first[key])
                    is_first[key] = False
                await asyncio.sleep(0)
    finally:
        await reader.close()


def _decoded(decode: Any, fetched: FetchedBatch, end: int) -> list[tuple[Any, RawRecord]]:
    raw = [record for record in fetched.records if record.offset < end]
    return [(record, at) for record, at in zip(decode(raw), raw, strict=True) if not isinstance(record, Unreadable)]
