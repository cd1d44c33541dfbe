"""Publishes the outbox to the log: strictly in order, by one relay at a time."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy.orm import Session

from penstock.bus.errors import TransientError
from penstock.bus.span_attributes import attributes_of
from penstock.bus.topics import stream_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import CONTROL_PLANE, MODELS, STREAMS
from penstock.registry.db import outbox
from penstock.registry.db.relay_lock import relay_lock
from penstock.registry.db.tables import OutboxRow
from penstock.registry.db.transactions import Database
from penstock.runtime.service import Resources
from penstock.telemetry.names import SEND, STREAM
from penstock.telemetry.spans import message_span

POLL_EVERY_S = 1.0  # for records that another process, or one that was killed, left in the outbox

log = logging.getLogger(__name__)

_TOPICS = {topic.short_name: topic for topic in CONTROL_PLANE}


class OutboxRelay:
    """Publishes what transactions left in the outbox.

    After a crash a record may be published twice: its id is the same, and readers take only higher versions and
    epochs. `unpublished` is how many records were left at the last look, None before the first.
    """

    def __init__(self, database: Database, resources: Resources) -> None:
        self.unpublished: int | None = None
        self._database = database
        self._resources = resources
        self._one_at_a_time = asyncio.Lock()

    async def publish_all(self) -> None:
        """Publish until the outbox is empty.

        Raises:
            TransientError: the database or the log is away; the rest is published later.
        """
        async with self._one_at_a_time:
            if await self._database.read(outbox.unpublished):
                async with relay_lock(self._database.engine):
                    await self._publish_batches()
            self.unpublished = 0

    async def run(self) -> None:
        """Publish what appears in the outbox, for ever."""
        while True:
            try:
                self.unpublished = await self._database.read(outbox.unpublished_count)
                await self.publish_all()
            except TransientError as error:
                log.warning("the outbox waits: %s", error)
            await asyncio.sleep(POLL_EVERY_S)

    async def _publish_batches(self) -> None:
        rows = await self._database.read(outbox.unpublished)
        while rows:
            for row in rows:
                await self._publish(row)
            rows = await self._next_batch([row.position for row in rows])

    async def _next_batch(self, published: list[int]) -> list[OutboxRow]:
        def transaction(session: Session) -> list[OutboxRow]:
            outbox.mark_published(session, published)
            return outbox.unpublished(session)

        return await self._database.write(transaction)

    async def _publish(self, row: OutboxRow) -> None:
        topic = _TOPICS[row.topic]
        if topic is STREAMS:
            stream = StreamDeclared.from_json(row.value)
            if stream.deletion is None:
                await self._resources.log.create(stream_topics(self._resources.namespace, stream))
        name = topic.name(self._resources.namespace)
        parent = row.traceparent.encode() if row.traceparent else None
        known = attributes_of(ModelEpoch.from_json(row.value)) if topic is MODELS else {STREAM: row.key}
        with message_span(self._resources.telemetry, SEND, name, parent, known, begin=0) as span:
            output = Outputs(topic, None, [row.value], [row.key.encode()], causes=(0,))
            await self._resources.publisher.publish([output], lambda _: span.header())
        self._resources.metrics.count_produced(name)
