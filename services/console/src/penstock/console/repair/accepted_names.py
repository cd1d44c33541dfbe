"""The names of operations that the validator has accepted, and still remembers: what a released record would meet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Literal, NamedTuple

from penstock.bus.ports import Log, TopicPartition
from penstock.console.repair.partition_scan import scan
from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.operations import operations_of
from penstock.contracts.partitioner import partition_of
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, LABELS


class Wanted(NamedTuple):
    """A name that is looked for: the key of its records, and since when (ms) one that was accepted counts."""

    kind: Literal["event", "label"]
    key: bytes
    since: int


async def accepted_names(
    log: Log, namespace: str, stream: StreamDeclared, wanted: Mapping[bytes, Wanted]
) -> dict[bytes, bytes]:
    """The digest of what was accepted under each of the wanted names, of those under which something was.

    Read are the partitions of `events` and `labels` that the names' keys lie in, from the earliest time on.
    """
    found: dict[bytes, bytes] = {}
    keys = {name.key for name in wanted.values()}
    starts = await log.offsets_at(_earliest(namespace, stream, wanted))
    async for batch in scan(log, starts):
        candidates = [record for record in batch.records if record.key in keys]
        _match(stream, batch.topic, candidates, wanted, found)
    return found


def _earliest(namespace: str, stream: StreamDeclared, wanted: Mapping[bytes, Wanted]) -> dict[TopicPartition, int]:
    """The earliest time that matters, of each topic partition in which there can be a record of that name."""
    times: dict[TopicPartition, list[int]] = defaultdict(list)
    for name in wanted.values():
        topic = EVENTS if name.kind == "event" else LABELS
        partition = partition_of(name.key, topic.partitions(stream))
        times[topic.name(namespace, stream.name), partition].append(name.since)
    return {key: max(min(since), 0) for key, since in times.items()}


def _match(
    stream: StreamDeclared,
    topic_name: str,
    candidates: list[RawRecord],
    wanted: Mapping[bytes, Wanted],
    found: dict[bytes, bytes],
) -> None:
    topic = EVENTS if topic_name.endswith(f".{EVENTS.short_name}") else LABELS
    decoded = zip(candidates, topic.decoder(stream)(candidates), strict=True)
    records = [(raw, record) for raw, record in decoded if not isinstance(record, Unreadable)]
    operations = operations_of(stream.declaration, [record for _, record in records])
    for (raw, _), operation in zip(records, operations, strict=True):
        name = wanted.get(operation.name)
        if name is not None and raw.timestamp >= name.since:
            found.setdefault(operation.name, operation.digest)
