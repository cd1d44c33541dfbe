"""The desk without our own runtime around it, for a process that somebody else starts: `bentoml serve`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from penstock.bus.errors import TransientError
from penstock.bus.following import Follower
from penstock.bus.kafka import KafkaLog
from penstock.bus.memory import system_clock
from penstock.bus.publishing import Publisher
from penstock.bus.state import MemoryShelves
from penstock.contracts.streams import Streams
from penstock.contracts.topics import MODELS
from penstock.runtime.service import Resources
from penstock.runtime.settings import read_settings
from penstock.server.parts import desk_of, models_of, parts_of, seal_of
from penstock.server.predicting import Desk
from penstock.server.settings import HttpSettings
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

PAUSE = 0.5  # seconds between tries to reach a broker that is away

log = logging.getLogger("penstock.server")


@asynccontextmanager
async def desk_alone() -> AsyncIterator[Desk]:
    """A desk that follows the broker named in the environment, for as long as the context lasts.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = read_settings(HttpSettings)
    parts, seal = parts_of(settings), seal_of(settings)
    resources = _resources(settings)
    models = models_of(resources, parts)
    followers = [resources.follow_streams(), resources.follow(MODELS, models.want)]
    tasks = [asyncio.create_task(_follow(follower)) for follower in followers]
    tasks.append(asyncio.create_task(models.keep_settled()))
    try:
        yield desk_of(resources, models, seal)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _leave(resources.publisher.close)
        await resources.log.close()
        resources.telemetry.shutdown()


def _resources(settings: HttpSettings) -> Resources:
    kafka = KafkaLog(settings.connection(), settings.namespace, "server", settings.kafka_replication_factor)
    streams = Streams()
    return Resources(
        namespace=settings.namespace,
        log=kafka,
        streams=streams,
        publisher=Publisher(kafka, settings.namespace, streams),
        telemetry=start_telemetry("penstock-server"),
        clock=system_clock,
        shelves=MemoryShelves(),
        metrics=Metrics(),
    )


async def _follow(follower: Follower[object]) -> None:
    try:
        while True:
            try:
                await follower.step(0.25)
            except TransientError as error:
                log.warning("%s; trying again", error)
                await _leave(follower.close)
                await asyncio.sleep(PAUSE)
    finally:
        await _leave(follower.close)


async def _leave(close: Callable[[], Awaitable[None]]) -> None:
    with suppress(TransientError):
        await close()
