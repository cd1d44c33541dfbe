"""A predictor without the runtime of a service, for processes that others start: `bentoml serve`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from penstock.bus.errors import suppress_transient
from penstock.bus.follower import Follower
from penstock.bus.kafka.log import KafkaLog
from penstock.bus.memory.log import system_clock
from penstock.bus.publisher import Publisher
from penstock.bus.state.state import MemoryStateStores
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import MODELS
from penstock.runtime.retries import follow_forever, retry_until_available
from penstock.runtime.service import Resources
from penstock.runtime.settings import read_settings
from penstock.server.models.manager import ModelManager
from penstock.server.scoring.predictor import Predictor
from penstock.server.settings import HttpSettings
from penstock.server.store_and_keys import open_loader, open_seal
from penstock.server.wiring import http_predictor, model_manager
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry


@asynccontextmanager
async def standalone_predictor() -> AsyncIterator[Predictor]:
    """A predictor on the broker that the environment names, which follows the log as long as the context lasts.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = read_settings(HttpSettings)
    loader, seal = open_loader(settings), open_seal(settings)
    resources = _resources(settings)
    models, outcomes = model_manager(resources, loader)
    followers: list[Follower] = [resources.follow_streams(), resources.follow(MODELS, models.add_epoch), outcomes]
    following = asyncio.create_task(_follow_all(followers, models))
    try:
        yield http_predictor(resources, models, seal)
    finally:
        following.cancel()
        await asyncio.wait({following})
        await suppress_transient(resources.publisher.close())
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


async def _follow_all(followers: Sequence[Follower], models: ModelManager) -> None:
    """Read everything once, in order, and then keep up."""
    for follower in followers:
        await retry_until_available(follower.start)
    await asyncio.gather(models.keep_newest_loaded(), *map(follow_forever, followers))
