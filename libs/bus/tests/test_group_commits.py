"""Commits beside the loop: one that hangs is made by another session."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from penstock.bus.memory.faulty_log import FaultyLog
from penstock.bus.memory.source import MemorySource
from penstock.bus.ports import RebalanceListener, TopicPartition

from .test_worker import IN, Deployment, label, running, until


class _HangingCommits(MemorySource):
    hang = 1

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        if self.hang:
            _HangingCommits.hang -= 1
            await asyncio.Event().wait()
        await super().commit(positions)


class _HangingLog(FaultyLog):
    async def source(self, group: str, listener: RebalanceListener) -> MemorySource:
        return _HangingCommits(self, group, listener)


async def test_a_commit_that_hangs_is_made_by_another_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.bus.worker.group_commits.COMMIT_LIMIT", 0.01)
    monkeypatch.setattr("penstock.bus.worker.worker.FIRST_PAUSE", 0.01)
    deployment = Deployment(_HangingLog())
    await deployment.prepare()
    worker = deployment.worker()
    deployment.write(label(1))
    async with running(worker), asyncio.timeout(30):
        await until(lambda: deployment.log.commits("sums").get(IN) == 1)
    assert deployment.outputs() == [b"1:1"]
