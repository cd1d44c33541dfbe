"""Readiness: not before the models that were the newest at the start, and never lost to a later one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from penstock.artifacts import ArtifactError
from penstock.server.models import manager as manager_module
from penstock.server.models.arm_loader import ArmLoader


class HeldLoader:
    """A loader whose loads wait until `released`."""

    def __init__(self, loader: Any) -> None:
        self.released = threading.Event()
        self.started = threading.Event()
        self._loader = loader

    def fetch(self, *arguments: Any) -> Any:
        self.started.set()
        assert self.released.wait(60)
        return self._loader.fetch(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


@asynccontextmanager
async def starting(manager: Any, loader: HeldLoader) -> AsyncIterator[None]:
    """The manager's task, as it runs once epochs have been read; its loads are let go in the end."""
    task = asyncio.ensure_future(manager.keep_newest_loaded())
    try:
        yield
    finally:
        loader.released.set()
        task.cancel()
        await asyncio.wait({task})


async def test_ready_only_once_the_newest_model_at_the_start_is_loaded(deployment: Any, registry: Any) -> None:
    loader = HeldLoader(deployment.loader)
    manager, _ = deployment.new_manager(ArmLoader(loader))
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    assert not manager.ready
    async with starting(manager, loader):
        await deployment.eventually(loader.started.is_set)
        assert manager.caught_up
        assert not manager.ready
        loader.released.set()
        await deployment.eventually(lambda: manager.ready)
        assert manager.serving("loans") is not None


async def test_a_later_epoch_does_not_take_readiness_away(deployment: Any, registry: Any) -> None:
    loader = HeldLoader(deployment.loader)
    loader.released.set()
    manager, _ = deployment.new_manager(ArmLoader(loader))
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    async with starting(manager, loader):
        await deployment.eventually(lambda: manager.ready)
        loader.released.clear()
        loader.started.clear()
        manager.add_epoch(registry.epoch(2, *registry.trained(threshold=20.0)))
        await deployment.eventually(loader.started.is_set)
        assert manager.ready


async def test_a_refused_model_does_not_hold_up_readiness(deployment: Any, registry: Any) -> None:
    loader = HeldLoader(deployment.loader)
    loader.released.set()
    manager, alerts = deployment.new_manager(ArmLoader(loader))
    manager.add_epoch(registry.epoch_of(1, b"not a package"))
    async with starting(manager, loader):
        await deployment.eventually(lambda: manager.ready)
        await deployment.eventually(lambda: alerts)


async def test_without_streams_it_is_ready_at_once(deployment: Any) -> None:
    loader = HeldLoader(deployment.loader)
    manager, _ = deployment.new_manager(ArmLoader(loader))
    async with starting(manager, loader):
        await deployment.eventually(lambda: manager.ready)


@pytest.mark.parametrize("patience", [0.0, None])
async def test_a_load_that_takes_long_is_waited_for_only_without_a_limit(
    deployment: Any, registry: Any, patience: float | None
) -> None:
    loader = HeldLoader(deployment.loader)
    loader.released.set()
    manager, _ = deployment.new_manager(ArmLoader(loader), patience)
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    await manager.load_newest("loans")
    loader.released.clear()
    manager.add_epoch(registry.epoch(2, *registry.trained(threshold=20.0)))
    loading = asyncio.create_task(manager.load_newest("loans"))
    if patience is not None:
        await loading
        assert manager.serving("loans").epoch == 1
    loader.released.set()
    await loading
    if patience is None:
        assert manager.serving("loans").epoch == 2
    await manager.close()


async def test_a_partition_that_is_taken_over_waits_for_its_newest_models_however_long_their_load_is_under_way(
    deployment: Any, registry: Any
) -> None:
    loader = HeldLoader(deployment.loader)
    loader.released.set()
    manager, _ = deployment.new_manager(ArmLoader(loader), 0.0)
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    await manager.load_newest("loans")
    loader.released.clear()
    manager.add_epoch(registry.epoch(2, *registry.trained(threshold=20.0)))
    await manager.load_newest("loans")  # is waited for no more
    manager.add_epoch(registry.epoch(3, *registry.trained(threshold=30.0)))
    taking_over = asyncio.create_task(manager.take_over("loans"))
    await asyncio.sleep(0)
    assert not taking_over.done()
    loader.released.set()
    await taking_over
    assert manager.serving("loans").epoch == 3
    await manager.close()


async def test_a_load_that_hangs_holds_up_no_other_stream(deployment: Any, registry: Any) -> None:
    loader = HeldLoader(deployment.loader)
    manager, _ = deployment.new_manager(ArmLoader(loader), 0.01)
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    async with starting(manager, loader):
        await deployment.eventually(loader.started.is_set)
        manager.add_epoch(registry.epoch(1).model_copy(update={"stream": "undeclared"}))
        await deployment.eventually(lambda: "undeclared" in manager.health_facts()["waiting"])
        assert manager.serving("loans") is None
        assert not manager.ready


async def test_a_load_that_hangs_holds_up_readiness_for_a_bounded_time(
    deployment: Any, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_module, "READY_WITHIN", 0.0)
    loader = HeldLoader(deployment.loader)
    manager, _ = deployment.new_manager(ArmLoader(loader))
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    async with starting(manager, loader):
        await deployment.eventually(loader.started.is_set)
        assert manager.ready
        assert manager.serving("loans") is None


class AbsentStore:
    """A store that does not answer."""

    def get(self, digest: str) -> bytes:
        raise ArtifactError(f"{digest}: the folder cannot be read")


async def test_a_store_that_is_away_holds_up_readiness(deployment: Any, registry: Any) -> None:
    loader = HeldLoader(replace(deployment.loader, store=AbsentStore()))
    loader.released.set()
    manager, _ = deployment.new_manager(ArmLoader(loader))
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    async with starting(manager, loader):
        await deployment.eventually(lambda: manager.health_facts()["waiting"])
        assert not manager.ready
