"""The desk without our own runtime around it, for a process that somebody else starts: `bentoml serve`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from penstock.bus.follower import Follower
from penstock.bus.kafka.log import KafkaLog
from penstock.bus.memory.log import system_clock
from penstock.bus.publisher import Publisher
from penstock.bus.state.state import MemoryStateStores
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import MODELS
from penstock.runtime.retries import close_quietly, follow_forever, retry_until_available
from penstock.runtime.service import Resources
from penstock.runtime.settings import read_settings
from penstock.server.models.manager import Models
from penstock.server.scoring.predictor import Desk
from penstock.server.settings import HttpSettings
from penstock.server.wiring import desk_of, lessons_of, models_of, parts_of, seal_of
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

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
    lessons = lessons_of(resources)
    models = models_of(resources, parts, lessons)
    followers: list[Follower] = [resources.follow_streams(), resources.follow(MODELS, models.want), lessons]
    work = asyncio.create_task(_follow_all(followers, models))
    try:
        yield desk_of(resources, models, seal)
    finally:
        work.cancel()
        await asyncio.wait({work})
        await close_quietly(resources.publisher.close)
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
        state_stores=MemoryStateStores(),
        metrics=Metrics(),
    )


async def _follow_all(followers: Sequence[Follower], models: Models) -> None:
    """Read everything once, in order, and then keep up."""
    for follower in followers:
        await retry_until_available(follower.start)
    await asyncio.gather(models.keep_settled(), *map(follow_forever, followers))
