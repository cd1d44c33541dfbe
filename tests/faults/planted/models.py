"""Bugs in how models are promoted, swapped and loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from penstock.registry.db import streams
from penstock.registry.use_cases.model_commands import Promotion
from penstock.registry.use_cases.registry import Registry
from penstock.server.models.arm import Arm
from penstock.server.models.manager import ModelManager
from penstock.server.models.model_loader import ModelLoader
from tests.faults.member import Member


def promote_without_compare_and_set(part: Any) -> None:
    """The registry promotes whatever serves by then."""
    if not isinstance(part, Registry):
        return
    promote = part.promote

    async def promote_anyhow(stream: str, promotion: Promotion, context: Any) -> Any:
        epoch = await part.database.read(lambda session: streams.find(session, stream).epoch)
        return await promote(stream, replace(promotion, expected_epoch=epoch), context)

    part.promote = promote_anyhow  # type: ignore[method-assign]


def swap_in_two_steps(part: Any) -> None:
    """The server takes the name of a new model first, and the model with the next epoch."""
    if not (isinstance(part, Member) and part.life.name == "server"):
        return
    for follower in part.followers:
        manager = getattr(getattr(follower, "_apply", None), "__self__", None)
        if isinstance(manager, ModelManager):
            _mix(manager)


def _mix(manager: ModelManager) -> None:
    serve = manager._serve

    def serve_mixed(serving: Any) -> None:
        before = manager.serving(serving.record.stream)
        if before is not None:
            serving = replace(serving, champion=Arm(serving.champion.version, before.champion.model))
        serve(serving)

    manager._serve = serve_mixed  # type: ignore[method-assign]


def verify_after_load(part: Any) -> None:
    """The server opens what the store gives, and would verify it later."""
    if isinstance(part, ModelLoader):
        object.__setattr__(part, "store", _Unverified(part.store))


class _Unverified:
    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, digest: str) -> bytes:
        """Whatever bytes are there."""
        content: bytes = self._store._store.contents[digest]
        return content
