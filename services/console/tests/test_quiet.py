"""Quiet is never said while something is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch, TopicPartition
from penstock.bus.topics import control_topics, stream_topics
from penstock.console.replay.quiet import Quiet, group_places
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import StreamDeclared

STREAM = StreamDeclared(
    source="test",
    id="s-1",
    time=datetime(2024, 1, 1, tzinfo=UTC),
    version=1,
    declaration=Declaration.model_validate(
        {
            "name": "s",
            "task": "binary",
            "entity": "who",
            "partitions": 2,
            "fields": {"who": {"type": "category"}, "x": {"type": "number"}},
            "label": {"name": "y", "classes": ["a", "b"]},
        }
    ),
)
GROUPS = group_places("penstock", STREAM)


class LookedAt(MemoryLog):
    """A log that counts how often it was asked where its topics end."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0
        self._looked = asyncio.Condition()

    async def ends(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """As the log does."""
        async with self._looked:
            self.looks += 1
            self._looked.notify_all()
        return await super().ends(places)

    async def looked(self, times: int) -> None:
        """Wait until it was asked that many times more."""
        until = self.looks + times
        async with self._looked:
            await self._looked.wait_for(lambda: self.looks >= until)


async def log_with_one_record_everywhere() -> LookedAt:
    """Every group has finished its one record of each place."""
    log = LookedAt()
    await log.create([*control_topics("penstock"), *stream_topics("penstock", STREAM)])
    for place in sorted({place for places in GROUPS.values() for place in places}):
        log.append([RecordBatch.one(*place, key=None, value=b"1")])
    for group, places in GROUPS.items():
        log.commits(group).update(dict.fromkeys(places, 1))
    return log


async def served() -> bool:
    """The server's children name the newest epoch."""
    return True


def test_every_service_that_shares_a_topic_out_is_waited_for() -> None:
    assert set(GROUPS) == {"validator", "server", "drift-detector", "retrain-trigger", "trainer", "registry"}
    assert ("penstock.s.events", 1) in GROUPS["server"]
    assert ("penstock.training-requests", 0) in GROUPS["trainer"]


async def test_it_is_quiet_when_all_have_finished() -> None:
    log = await log_with_one_record_everywhere()
    await Quiet(log, "penstock", STREAM, served).wait()
    assert log.looks == 2


@pytest.mark.parametrize(("group", "place"), [(group, place) for group, places in GROUPS.items() for place in places])
async def test_it_is_not_quiet_while_a_group_lags(group: str, place: TopicPartition) -> None:
    log = await log_with_one_record_everywhere()
    log.commits(group)[place] = 0
    waiting = asyncio.create_task(Quiet(log, "penstock", STREAM, served).wait())
    await asyncio.wait([waiting, looks := asyncio.create_task(log.looked(3))], return_when=asyncio.FIRST_COMPLETED)
    assert looks.done()
    assert not waiting.done()
    log.commits(group)[place] = 1
    await waiting


async def test_it_is_not_quiet_before_the_newest_epoch_is_served() -> None:
    log = await log_with_one_record_everywhere()
    asked = 0

    async def served_at_last() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    await Quiet(log, "penstock", STREAM, served_at_last).wait()
    assert asked == 4


async def test_it_is_not_quiet_when_something_came_while_it_looked() -> None:
    log = await log_with_one_record_everywhere()
    place = ("penstock.s.events", 0)
    grown = False

    async def grows_once() -> bool:
        nonlocal grown
        if not grown:
            grown = True
            log.append([RecordBatch.one(*place, key=None, value=b"2")])
            for group in ("server", "drift-detector"):
                log.commits(group)[place] = 2
        return True

    await Quiet(log, "penstock", STREAM, grows_once).wait()
    assert log.looks == 4
