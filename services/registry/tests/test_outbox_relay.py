"""What was committed is published, in order, also after a crash or while the log is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import NewTopic
from penstock.contracts.topics import AUDIT, MODELS, STREAMS, TRAINING_RUNS
from penstock.registry.wiring import registry_of


class UnreachableLog(MemoryLog):
    """A log that is away."""

    async def create(self, topics: Sequence[NewTopic]) -> None:
        raise BrokerUnavailable(f"nobody answers for {topics[0].name}")


def restarted(deployment: Any, log: MemoryLog | None = None) -> Any:
    """A second registry on the same database, as after a restart."""
    resources = deployment.process.resources()
    return registry_of(deployment.parts, replace(resources, log=log) if log else resources)


async def test_a_command_holds_while_the_log_is_away_and_is_published_later(deployment: Any) -> None:
    result = await restarted(deployment, UnreachableLog()).apply(deployment.declaration)
    assert result.status == "created"
    assert deployment.published(STREAMS) == []
    await restarted(deployment).publish_outbox()
    assert [len(deployment.published(topic)) for topic in (STREAMS, MODELS, AUDIT)] == [1, 1, 2]


async def test_a_run_committed_just_before_a_crash_is_published_when_it_is_handled_again(loans: Any) -> None:
    await restarted(loans).record_run(loans.run(1))
    assert [record.epoch for record in loans.published(MODELS)] == [0]
    await loans.send(TRAINING_RUNS, loans.run(1))
    assert [record.epoch for record in loans.published(MODELS)] == [0, 1]


async def test_a_batch_is_not_handled_before_it_is_published(deployment: Any) -> None:
    away = restarted(deployment, UnreachableLog())
    await away.apply(deployment.declaration)
    with pytest.raises(BrokerUnavailable):
        await away.publish_outbox()


async def test_a_record_published_twice_is_the_same(loans: Any) -> None:
    with loans.parts.engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET published = false"))
    await restarted(loans).publish_outbox()
    for topic in (STREAMS, MODELS):
        first, second = loans.published(topic)
        assert first == second


async def test_two_relays_publish_each_record_once(deployment: Any) -> None:
    await restarted(deployment, UnreachableLog()).apply(deployment.declaration)
    first, second = restarted(deployment), restarted(deployment)
    await asyncio.gather(first.publish_outbox(), second.publish_outbox())
    assert len(deployment.published(MODELS)) == 1
