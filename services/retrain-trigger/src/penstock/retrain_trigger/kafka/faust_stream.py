"""The edge on Kafka: Faust brings the records and the timer, and commits what was acknowledged.

Faust acknowledges a record whose handler raised. Here a record is acknowledged by hand, once what it led to is
confirmed by the log; a fault ends the service before that, and the record is read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import faust
from aiokafka.errors import KafkaError

from penstock.bus.memory.log import MemoryRecord
from penstock.retrain_trigger.record_intake import FIRST_PAUSE, LONGEST_PAUSE, Intake

CALENDAR_EVERY = 1.0  # seconds between looks at the calendar

AWAY = (KafkaError, ConnectionError, TimeoutError)  # what a broker that is away makes of our calls

log = logging.getLogger(__name__)


class Stream:
    """A member of the group, on Faust."""

    def __init__(self, intake: Intake, new_app: Callable[[], faust.App]) -> None:
        self._intake = intake
        self._new_app = new_app

    async def run(self) -> None:
        """Work until cancelled; when the broker goes away, join anew.

        Raises:
            Exception: a fault of our own; the record that led to it was not acknowledged.
        """
        for name in ("faust", "mode"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said here, in one line
        pause = FIRST_PAUSE
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._be_a_member(self._new_app())
            except AWAY as error:
                lasted = asyncio.get_running_loop().time() - started
                pause = FIRST_PAUSE if lasted > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
                log.warning("left the group: %s: %s; joining again in %.1f s", type(error).__name__, error, pause)
            await asyncio.sleep(pause)

    async def _be_a_member(self, app: faust.App) -> None:
        self._attach(app)
        try:
            await app.start()
            await app.wait_until_stopped()
        finally:
            with suppress(*AWAY):
                await app.stop()
        if app.crash_reason is not None:
            raise app.crash_reason

    def _attach(self, app: faust.App) -> None:
        async def consume(stream: Any) -> None:
            unacknowledged = stream.noack()
            async for event in unacknowledged.events():
                await _or_crash(app, self._intake.take(event.message.topic, _raw(event.message)))
                await unacknowledged.ack(event)

        async def tick() -> None:
            if any(place.topic in self._intake.names for place in app.consumer.assignment()):
                await _or_crash(app, self._intake.look_at_the_calendar())

        def own(*_: Any, **__: Any) -> None:
            self._intake.own()

        app.agent(app.topic(*self._intake.names, key_type=bytes, value_type=bytes), name="retrain-trigger")(consume)
        app.timer(CALENDAR_EVERY, name="calendar")(tick)
        app.on_partitions_assigned.connect(own, weak=False)


async def _or_crash(app: faust.App, work: Awaitable[None]) -> None:
    """Do the work; a fault ends the app, and nobody gets to acknowledge what led to it."""
    try:
        await work
    except Exception as fault:
        await app.crash(fault)
        await asyncio.Event().wait()


def _raw(message: Any) -> MemoryRecord:
    return MemoryRecord(
        message.offset, round(message.timestamp * 1000), message.key, message.value, tuple(message.headers or ())
    )
