"""A stream is never taken for quiet while something is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch, TopicPartition
from penstock.bus.topics import control_topics, stream_topics
from penstock.console.replay.wait_until_quiet import QuietCheck, group_partitions
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
GROUPS = group_partitions("penstock", STREAM)


class CountingLog(MemoryLog):
    """A log that counts the reads of its end offsets."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self._condition = asyncio.Condition()

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """As the log does."""
        async with self._condition:
            self.reads += 1
            self._condition.notify_all()
        return await super().end_offsets(partitions)

    async def await_reads(self, times: int) -> None:
        """Wait for that many more reads."""
        until = self.reads + times
        async with self._condition:
            await self._condition.wait_for(lambda: self.reads >= until)


async def log_with_one_record_everywhere() -> CountingLog:
    """Every group has handled the one record of each of its partitions."""
    log = CountingLog()
    await log.create([*control_topics("penstock"), *stream_topics("penstock", STREAM)])
    for partition in sorted({partition for partitions in GROUPS.values() for partition in partitions}):
        log.append([RecordBatch.single(*partition, key=None, value=b"1")])
    for group, partitions in GROUPS.items():
        log.commits(group).update(dict.fromkeys(partitions, 1))
    return log


async def always_served() -> bool:
    """The server serves the newest epoch."""
    return True


def test_every_service_that_consumes_in_a_group_is_waited_for() -> None:
    assert set(GROUPS) == {"validator", "server", "drift-detector", "retrain-trigger", "trainer", "registry"}
    assert ("penstock.s.events", 1) in GROUPS["server"]
    assert ("penstock.training-requests", 0) in GROUPS["trainer"]


async def test_it_is_quiet_when_all_groups_are_at_the_ends() -> None:
    log = await log_with_one_record_everywhere()
    await QuietCheck(log, "penstock", STREAM, always_served).wait()
    assert log.reads == 2


@pytest.mark.parametrize(
    ("group", "partition"), [(group, partition) for group, partitions in GROUPS.items() for partition in partitions]
)
async def test_it_is_not_quiet_while_a_group_is_behind(group: str, partition: TopicPartition) -> None:
    log = await log_with_one_record_everywhere()
    log.commits(group)[partition] = 0
    wait_task = asyncio.create_task(QuietCheck(log, "penstock", STREAM, always_served).wait())
    await asyncio.wait(
        [wait_task, reads := asyncio.create_task(log.await_reads(3))], return_when=asyncio.FIRST_COMPLETED
    )
    assert reads.done()
    assert not wait_task.done()
    log.commits(group)[partition] = 1
    await wait_task


async def test_it_is_not_quiet_before_the_newest_epoch_is_served() -> None:
    log = await log_with_one_record_everywhere()
    calls = 0

    async def served_at_the_fourth_call() -> bool:
        nonlocal calls
        calls += 1
        return calls > 3

    await QuietCheck(log, "penstock", STREAM, served_at_the_fourth_call).wait()
    assert calls == 4


async def test_it_is_not_quiet_when_a_record_came_between_the_reads() -> None:
    log = await log_with_one_record_everywhere()
    partition = ("penstock.s.events", 0)
    has_grown = False

    async def served_after_growth() -> bool:
        nonlocal has_grown
        if not has_grown:
            has_grown = True
            log.append([RecordBatch.single(*partition, key=None, value=b"2")])
            for group in ("server", "drift-detector"):
                log.commits(group)[partition] = 2
        return True

    await QuietCheck(log, "penstock", STREAM, served_after_growth).wait()
    assert log.reads == 4
