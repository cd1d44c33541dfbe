"""Quiet: nothing is left to do. Waited for, never guessed from a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from penstock.bus.ports import Log, TopicPartition
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import CONTROL_PLANE, DATA_PLANE, Topic

FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05  # seconds between looks

Ends = Mapping[TopicPartition, int]


def group_places(namespace: str, stream: StreamDeclared) -> dict[str, list[TopicPartition]]:
    """What each service's group must have finished for the stream to be quiet."""
    places: dict[str, list[TopicPartition]] = defaultdict(list)
    for topic in DATA_PLANE + CONTROL_PLANE:
        for service in topic.consumers:
            places[service] += _places(topic, namespace, stream)
    return dict(places)


def _places(topic: Topic[Any], namespace: str, stream: StreamDeclared) -> list[TopicPartition]:
    if topic.plane == "control":
        return [(topic.name(namespace), 0)]
    return [(topic.name(namespace, stream.name), number) for number in range(topic.partitions(stream))]


class Quiet:
    """Watches one stream of a deployment.

    A look asks every group where it has come to, and only then where the topics end. A group that had finished a
    topic which has not grown since was idle throughout, so one look at which all had finished proves that nothing
    was under way between them. `serves_newest` asks the server's children for their epoch.
    """

    def __init__(
        self, log: Log, namespace: str, stream: StreamDeclared, serves_newest: Callable[[], Awaitable[bool]]
    ) -> None:
        self._log = log
        self._groups = group_places(namespace, stream)
        self._all = sorted({place for places in self._groups.values() for place in places})
        self._serves_newest = serves_newest

    async def wait(self) -> None:
        """Wait until two looks in a row find the same, with nothing left to do."""
        pause = FIRST_PAUSE
        while True:
            ends = await self._look()
            if ends is not None and await self._serves_newest() and await self._look() == ends:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _look(self) -> Ends | None:
        """Where the topics end, or None when a group has not come to all of its ends."""
        commits = dict(zip(self._groups, await asyncio.gather(*map(self._log.committed, self._groups)), strict=True))
        ends = await self._log.ends(self._all)
        behind = any(
            commits[group].get(place, 0) < ends.get(place, 0)
            for group, places in self._groups.items()
            for place in places
        )
        return None if behind else ends
