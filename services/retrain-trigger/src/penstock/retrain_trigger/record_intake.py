"""From one raw record to what it leads to, confirmed by the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from penstock.bus.errors import TransientError
from penstock.bus.follower import TopicFollower
from penstock.bus.publisher import HeaderOf, no_header
from penstock.bus.worker.dead_letters import DeadLetterLimit, dead_letter
from penstock.bus.worker.record_spans import record_spans
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord, Unreadable
from penstock.retrain_trigger.handlers import FOLLOWED, TOPICS, Handlers
from penstock.retrain_trigger.stream_policies import Desk
from penstock.runtime.service import Resources

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before a log that is away is tried again
LOOK_EVERY = 0.02  # seconds between looks at followers that catch up

log = logging.getLogger(__name__)


class Intake:
    """An owner of the topics. Every call returns when its work is done; while the log is away it waits for it."""

    def __init__(self, group: str, resources: Resources, desk: Desk, followers: Sequence[TopicFollower[Any]]) -> None:
        self._group = group
        self._resources = resources
        self._desk = desk
        self._topics = {topic.name(resources.namespace): topic for topic in TOPICS}
        names = [topic.name(resources.namespace) for topic in FOLLOWED]
        self._followers = dict(zip(names, followers, strict=True))
        self._limit = DeadLetterLimit()
        self.own()

    @property
    def names(self) -> list[str]:
        """The names of the topics."""
        return list(self._topics)

    def own(self) -> None:
        """Take the topics over: from whom, and what that owner wrote last, is for the log to say."""
        self._handlers = Handlers(self._desk)
        self._current = False
        self._looked = self._now()

    async def take(self, name: str, raw: RawRecord) -> None:
        """Handle one record of the topic `name`.

        Raises:
            TooManyDeadLetters: more of what came can't be read than can be an accident.
        """
        await self._catch_up()
        (record,) = self._topics[name].decoder(None)([raw])
        readable = not isinstance(record, Unreadable)
        self._limit.count(int(readable), int(not readable), name)
        with ExitStack() as spans:
            header_of = record_spans(self._resources.telemetry, name, [raw], spans)
            if readable:
                batch = Batch(self._topics[name], None, 0, [record], [raw])
                await self._publish(self._handlers.handle(batch), header_of)
            else:
                log.warning("%s: offset %d is unreadable and goes to the dead letters", name, raw.offset)
                self._resources.metrics.dead_lettered(name, 1)
                await self._publish([dead_letter(self._group, name, None, 0, raw, record.reason)], no_header)
        self._resources.metrics.consumed(name, 1)

    async def look_at_the_calendar(self) -> None:
        """Issue what fell due since the last look."""
        await self._catch_up()
        since, self._looked = self._looked, self._now()
        for stream, ruling in self._desk.rule_by_calendar(since, self._looked).items():
            await self._publish(self._handlers.act_on(stream, ruling), no_header)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._resources.clock() / 1000, UTC)

    async def _publish(self, outputs: Sequence[AnyOutputs], header_of: HeaderOf) -> None:
        pause = FIRST_PAUSE
        while outputs:
            try:
                await self._resources.publisher.publish(outputs, header_of)
                break
            except TransientError as error:
                log.warning("%s: %s; trying again in %.1f s", self._group, error, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _catch_up(self) -> None:
        """Wait until everything that is on the log has been folded; once for every time the topics are taken over."""
        while not self._current:
            try:
                self._current = await self._is_current()
            except TransientError as error:
                log.warning("%s: %s; trying again", self._group, error)
            if not self._current:
                await asyncio.sleep(LOOK_EVERY)

    async def _is_current(self) -> bool:
        ends = await self._resources.log.ends([(name, 0) for name in self._followers])
        return all(self._followers[name].position >= end for (name, _), end in ends.items())
