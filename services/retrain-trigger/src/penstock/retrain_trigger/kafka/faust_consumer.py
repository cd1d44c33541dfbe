"""Faust as the consumer: it delivers the records, runs the timer, and commits what was acknowledged.

Faust acknowledges a record whose handler raised. Here a record is acknowledged by hand, once what it led to is
confirmed by the log; an error ends the service before that, and the record is read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import faust
from aiokafka.errors import KafkaError

from penstock.bus.memory.partition import MemoryRecord
from penstock.retrain_trigger.kafka.record_processor import RecordProcessor

SCHEDULE_INTERVAL = 1.0  # seconds between looks at cron schedules
FIRST_PAUSE, MAX_PAUSE = 0.2, 10.0  # seconds before the group is joined again

BROKER_ERRORS = (KafkaError, ConnectionError, TimeoutError)  # raised while the broker is away

log = logging.getLogger(__name__)


class FaustConsumer:
    """A member of the consumer group, on Faust."""

    def __init__(self, processor: RecordProcessor, new_app: Callable[[], faust.App]) -> None:
        self._processor = processor
        self._new_app = new_app

    async def run(self) -> None:
        """Consume until cancelled; when the broker goes away, join the group again.

        Raises:
            Exception: processing a record failed; the record was not acknowledged.
        """
        for name in ("faust", "mode"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is logged here, in one line
        pause = FIRST_PAUSE
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._consume(self._new_app())
            except BROKER_ERRORS as error:
                lasted = asyncio.get_running_loop().time() - started
                pause = FIRST_PAUSE if lasted > MAX_PAUSE else min(2 * pause, MAX_PAUSE)
                log.warning("left the group: %s: %s; joining again in %.1f s", type(error).__name__, error, pause)
            await asyncio.sleep(pause)

    async def _consume(self, app: faust.App) -> None:
        self._configure(app)
        try:
            await app.start()
            await app.wait_until_stopped()
        finally:
            with suppress(*BROKER_ERRORS):
                await app.stop()
        if app.crash_reason is not None:
            raise app.crash_reason

    def _configure(self, app: faust.App) -> None:
        async def consume(stream: Any) -> None:
            unacknowledged = stream.noack()
            async for event in unacknowledged.events():
                await _crash_on_error(app, self._processor.process(event.message.topic, _raw_record(event.message)))
                await unacknowledged.ack(event)

        async def tick() -> None:
            if any(partition.topic in self._processor.topic_names for partition in app.consumer.assignment()):
                await _crash_on_error(app, self._processor.evaluate_schedules())

        def take_over(*_: Any, **__: Any) -> None:
            self._processor.take_over()

        app.agent(app.topic(*self._processor.topic_names, key_type=bytes, value_type=bytes), name="retrain-trigger")(
            consume
        )
        app.timer(SCHEDULE_INTERVAL, name="calendar")(tick)
        app.on_partitions_assigned.connect(take_over, weak=False)


async def _crash_on_error(app: faust.App, work: Awaitable[None]) -> None:
    """Await the work; an error stops the app, and this never returns, so that the record is not acknowledged."""
    try:
        await work
    except Exception as error:
        await app.crash(error)
        await asyncio.Event().wait()


def _raw_record(message: Any) -> MemoryRecord:
    return MemoryRecord(
        message.offset, round(message.timestamp * 1000), message.key, message.value, tuple(message.headers or ())
    )
