"""Deletes the topics of deleted streams, once the services have had time to leave them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from penstock.bus.errors import TransientError
from penstock.bus.topics import stream_topics
from penstock.contracts.records.streams import StreamDeclared
from penstock.registry.use_cases.registry import Registry
from penstock.runtime.service import Resources

LEAVE_S = 10.0  # from when a deletion is on the log: services follow it, and their groups give its topics up
LOOK_EVERY_S = 1.0

log = logging.getLogger(__name__)


class TopicDeletion:
    """What is to be deleted is read from `streams`, so that any start goes on with what another left.

    Deleting what is gone is no failure, and a deletion is complete once that is on the log too.
    """

    def __init__(self, registry: Registry, resources: Resources, now: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._resources = resources
        self._now = now
        self._seen: dict[str, float] = {}
        self._failures: dict[str, str] = {}

    async def run(self) -> None:
        """Delete what is due, for ever."""
        while True:
            await self.step()
            await asyncio.sleep(LOOK_EVERY_S)

    async def step(self) -> None:
        """Delete the topics of those streams of which it is time; what fails is tried again at the next step."""
        for declared in self._resources.streams.being_deleted():
            if self._now() - self._seen.setdefault(declared.name, self._now()) < LEAVE_S:
                continue
            try:
                await self._delete(declared)
                self._failures.pop(declared.name, None)
            except TransientError as error:
                if self._failures.get(declared.name) != str(error):
                    log.warning("the topics of %s cannot be deleted yet: %s", declared.name, error)
                self._failures[declared.name] = str(error)

    def failures(self) -> dict[str, str]:
        """The deleted streams whose topics cannot be deleted for now, and why."""
        return {f"topics of {stream}": why for stream, why in self._failures.items()}

    async def _delete(self, declared: StreamDeclared) -> None:
        topics = [topic.name for topic in stream_topics(self._resources.namespace, declared)]
        await self._resources.log.delete_topics(topics)
        await self._registry.complete_deletion(declared.name, topics)
        log.info("%s: its topics were deleted", declared.name)
