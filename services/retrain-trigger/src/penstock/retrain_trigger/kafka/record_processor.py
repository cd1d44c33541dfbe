"""One raw record at a time: decoded, handled, and what it leads to published; or kept as a dead letter."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from penstock.bus.follower import TopicFollower
from penstock.bus.publisher import TraceparentOf, always, no_traceparent
from penstock.bus.worker.dead_letters import DeadLetterLimit, dead_letter
from penstock.bus.worker.record_spans import RecordSpans
from penstock.contracts.batch import AnyOutputs, Batch, RawRecord, Unreadable
from penstock.contracts.topics import TRAINING_REQUESTS
from penstock.retrain_trigger.handlers import FOLLOWED, TOPICS, Handlers
from penstock.retrain_trigger.policy_engine import PolicyEngine
from penstock.runtime.broker_retries import retry_until_available
from penstock.runtime.service import Resources
from penstock.telemetry.names import RULE, SEND, STREAM
from penstock.telemetry.spans import message_span

POLL_INTERVAL = 0.02  # seconds between looks at followers that catch up

log = logging.getLogger(__name__)


class RecordProcessor:
    """Processes records for the owner of the topics.

    Every call returns when all that it led to is confirmed by the log; while the log is away it waits.
    """

    def __init__(
        self, group: str, resources: Resources, engine: PolicyEngine, followers: Sequence[TopicFollower[Any]]
    ) -> None:
        self._group = group
        self._resources = resources
        self._engine = engine
        self._topics = {topic.name(resources.namespace): topic for topic in TOPICS}
        names = [topic.name(resources.namespace) for topic in FOLLOWED]
        self._followers = dict(zip(names, followers, strict=True))
        self._dead_letter_limit = DeadLetterLimit()
        self.take_over()

    @property
    def topic_names(self) -> list[str]:
        """The names of the topics to consume."""
        return list(self._topics)

    def take_over(self) -> None:
        """Begin as the new owner of the topics: what the one before wrote last must be read from the log first."""
        self._handlers = Handlers(self._engine)
        self._caught_up = False
        self._schedules_evaluated_at = self._now()

    async def process(self, topic_name: str, raw: RawRecord) -> None:
        """Process one record of a topic.

        Raises:
            TooManyDeadLetters: too large a part of the records cannot be read for that to be an accident.
        """
        await self._catch_up()
        (record,) = self._topics[topic_name].decoder(None)([raw])
        readable = not isinstance(record, Unreadable)
        self._dead_letter_limit.check(int(not readable))
        self._dead_letter_limit.count(1, int(not readable))
        with ExitStack() as spans:
            if readable:
                batch = Batch(self._topics[topic_name], None, 0, [record], [raw])
                traces = RecordSpans(self._resources.telemetry, topic_name, batch, spans)
                outputs = self._handlers.handle(batch)
                traces.follow(outputs)
                await self._publish(outputs, traces.traceparent_of)
            else:
                await self._keep_dead_letter(topic_name, raw, record.reason)
        self._resources.metrics.count_consumed(topic_name, 1)

    async def evaluate_schedules(self) -> None:
        """Request the trainings whose cron schedules fired since the last call."""
        await self._catch_up()
        since, self._schedules_evaluated_at = self._schedules_evaluated_at, self._now()
        for stream, decision in self._engine.evaluate_schedules(since, self._schedules_evaluated_at).items():
            outputs = self._handlers.outputs_of(stream, decision)
            if not outputs:
                continue
            begun = message_span(self._resources.telemetry, SEND, TRAINING_REQUESTS.short_name, None, begin=0)
            with begun as span:
                span.set({STREAM: stream, RULE: "schedule"})
                await self._publish(outputs, always(span.header()))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._resources.clock() / 1000, UTC)

    async def _keep_dead_letter(self, topic_name: str, raw: RawRecord, reason: str) -> None:
        log.warning("%s: offset %d is unreadable and goes to the dead letters", topic_name, raw.offset)
        self._resources.metrics.count_dead_lettered(topic_name, 1)
        await self._publish([dead_letter(self._group, topic_name, None, 0, raw, reason)], no_traceparent)

    async def _publish(self, outputs: Sequence[AnyOutputs], traceparent_of: TraceparentOf) -> None:
        if outputs:
            await retry_until_available(lambda: self._resources.publisher.publish(outputs, traceparent_of))

    async def _catch_up(self) -> None:
        """Wait until all that is on the log has been folded in; once for every time the topics are taken over."""
        if not self._caught_up:
            await retry_until_available(self._wait_for_followers)
            self._engine.forget_resumed()
            self._caught_up = True

    async def _wait_for_followers(self) -> None:
        while not await self._followers_are_at_the_ends():  # noqa: ASYNC110 - followers signal nothing
            await asyncio.sleep(POLL_INTERVAL)

    async def _followers_are_at_the_ends(self) -> bool:
        ends = await self._resources.log.end_offsets([(name, 0) for name in self._followers])
        return all(self._followers[name].position >= end for (name, _), end in ends.items())
