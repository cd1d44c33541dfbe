"""A stream that is deleted: its models are let go of without a restart, and none of it is waited for."""

from __future__ import annotations

import asyncio
from typing import Any

from penstock.contracts.records.streams import Deletion, StreamDeclared
from penstock.contracts.topics import STREAMS
from penstock.server.models.arm_loader import ArmLoader

from .conftest import NOW, declared
from .test_readiness import HeldLoader, starting


def deleted() -> StreamDeclared:
    return declared().model_copy(update={"revision": 1, "deletion": Deletion(by="ann", time=NOW)})


async def test_its_models_go_and_it_has_no_epoch_any_more(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    await deployment.publish(STREAMS, deleted())
    await deployment.run_until_quiet()
    await deployment.eventually(lambda: deployment.epoch_of_http() is None)
    async with deployment.client() as client:
        answer = await client.post("/v1/streams/loans/predict", json={"data": {"person": "p", "income": 1.0}})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_stream")
    await deployment.publish_epoch(registry.epoch(2, *registry.trained(threshold=20.0)))
    facts = deployment.health()[1]
    assert (facts["epochs"], facts["waiting"], facts["refused"]) == ({}, {}, {})


async def test_a_load_that_is_under_way_ends_first(deployment: Any, registry: Any) -> None:
    loader = HeldLoader(deployment.loader)
    manager, alerts = deployment.new_manager(ArmLoader(loader), 0)
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    async with starting(manager, loader):
        await deployment.eventually(loader.started.is_set)
        manager.add_stream(deleted())
        loader.released.set()
        await deployment.eventually(lambda: manager.ready and manager.serving("loans") is None)
        await asyncio.sleep(0)
        assert (manager.health_facts()["epochs"], alerts) == ({}, [])


async def test_a_start_that_finds_it_deleted_loads_nothing(deployment: Any, registry: Any) -> None:
    loader = HeldLoader(deployment.loader)
    manager, _ = deployment.new_manager(ArmLoader(loader))
    manager.add_epoch(registry.epoch(1, *registry.trained()))
    manager.add_stream(deleted())
    async with starting(manager, loader):
        await deployment.eventually(lambda: manager.ready)
        assert not loader.started.is_set()
