"""Waiting until a stream is quiet: nothing is left to do. Read from the log and the server, never guessed from time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from penstock.bus.ports import Log, TopicPartition
from penstock.console.poll import poll
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import (
    ARCHIVER,
    CONTROL_PLANE,
    DATA_PLANE,
    EVENTS,
    LABELS,
    PREDICTIONS,
    RECEIVED,
    Topic,
)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.05


class QuietCheck:
    """Finds out whether one stream of a deployment is quiet.

    The committed positions of every group are read first, and only then where the topics end. A group whose position
    is at an end that has not grown since was idle throughout. So if all groups are at the same ends twice in a row,
    nothing was under way between the two looks. `serves_newest` tells whether every process of the server serves the
    newest epoch.
    """

    def __init__(
        self, log: Log, namespace: str, stream: StreamDeclared, serves_newest: Callable[[], Awaitable[bool]]
    ) -> None:
        self._log = log
        self._groups = group_partitions(namespace, stream)
        self._partitions = sorted({partition for partitions in self._groups.values() for partition in partitions})
        self._serves_newest = serves_newest

    async def wait(self) -> None:
        """Wait until the stream is quiet."""
        await poll(self._quiet_or_none, FIRST_PAUSE_S, LONGEST_PAUSE_S)

    async def _quiet_or_none(self) -> bool | None:
        ends = await self._reached_ends()
        if ends is None or not await self._serves_newest():
            return None
        return await self._reached_ends() == ends or None

    async def _reached_ends(self) -> Mapping[TopicPartition, int] | None:
        """Where the topics end, or None if a group has not reached all of its ends."""
        positions = dict(zip(self._groups, await asyncio.gather(*map(self._log.committed, self._groups)), strict=True))
        ends = await self._log.end_offsets(self._partitions)
        is_behind = any(
            positions[group].get(partition, 0) < ends.get(partition, 0)
            for group, partitions in self._groups.items()
            for partition in partitions
        )
        return None if is_behind else ends


class HandledCheck:
    """Waits until what is on the log now was handled, and what came of it, while new records may come in.

    Topic after topic, as records pass through them: where it ends now, and then until every group is there. Groups
    commit after their outputs are on the log, so whatever is to come of an earlier record has come by then.
    """

    def __init__(self, log: Log, namespace: str, stream: StreamDeclared) -> None:
        self._log = log
        self._namespace = namespace
        self._stream = stream

    async def wait(self) -> None:
        """Wait for every topic on the way from a received record to its outcome."""
        for topic in (RECEIVED, EVENTS, LABELS, PREDICTIONS):
            partitions = _partitions(topic, self._namespace, self._stream)
            ends = await self._log.end_offsets(partitions)
            for group in _groups(topic):
                await poll(partial(self._at_or_none, group, ends), FIRST_PAUSE_S, LONGEST_PAUSE_S)

    async def _at_or_none(self, group: str, ends: Mapping[TopicPartition, int]) -> bool | None:
        positions = await self._log.committed(group)
        return all(positions.get(partition, 0) >= end for partition, end in ends.items()) or None


def group_partitions(namespace: str, stream: StreamDeclared) -> dict[str, list[TopicPartition]]:
    """The topic partitions that each service's group must have handled for the stream to be quiet."""
    groups: dict[str, list[TopicPartition]] = defaultdict(list)
    for topic in DATA_PLANE + CONTROL_PLANE:
        for group in _groups(topic):
            groups[group] += _partitions(topic, namespace, stream)
    return dict(groups)


def _groups(topic: Topic[Any]) -> list[str]:
    """The groups that read a topic; the archiver does in its own time, and the loop does not wait for it."""
    return [group for group in topic.consumers if group != ARCHIVER]


def _partitions(topic: Topic[Any], namespace: str, stream: StreamDeclared) -> list[TopicPartition]:
    if topic.plane == "control":
        return [(topic.name(namespace), 0)]
    return [(topic.name(namespace, stream.name), number) for number in range(topic.partitions(stream))]
