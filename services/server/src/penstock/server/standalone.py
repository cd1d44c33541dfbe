"""A predictor without the runtime of a service, for processes that others start: `bentoml serve`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from penstock.bus.follower import Follower
from penstock.bus.state.unit_state import MemoryStateStores
from penstock.runtime.broker_retries import follow_forever, retry_until_available
from penstock.runtime.service import Resources
from penstock.runtime.settings import read_settings
from penstock.server.models.manager import ModelManager
from penstock.server.scoring.predictor import Predictor
from penstock.server.settings import HttpSettings
from penstock.server.store_and_keys import open_seal
from penstock.server.wiring import arm_loader, http_predictor, model_followers, model_manager
from penstock.telemetry.metrics import Metrics


@asynccontextmanager
async def standalone_predictor() -> AsyncIterator[Predictor]:
    """A predictor on the broker that the environment names, which follows the log as long as the context lasts.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = read_settings(HttpSettings)
    loader, seal = arm_loader(settings), open_seal(settings)
    resources = Resources.connect("server", settings, MemoryStateStores(), Metrics())
    models, outcomes = model_manager(resources, loader)
    followers = [resources.follow_streams(), *model_followers(resources, models, outcomes)]
    following = asyncio.create_task(_follow_all(followers, models))
    try:
        yield http_predictor(resources, models, seal)
    finally:
        following.cancel()
        await asyncio.wait({following})
        await resources.close()


async def _follow_all(followers: Sequence[Follower], models: ModelManager) -> None:
    """Read everything once, in order, and then keep up."""
    for follower in followers:
        await retry_until_available(follower.start)
    await asyncio.gather(models.keep_newest_loaded(), *map(follow_forever, followers))
