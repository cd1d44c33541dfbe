"""What the memory log can suffer: expiry, a lost tail, a topic made anew, members that come, go and fall silent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.log import MemoryLog
from penstock.bus.memory.source import MemorySource
from penstock.bus.ports import Gap, NewTopic, RecordBatch, TopicPartition

TOPIC = "test.s.events"


class Listener:
    """Starts where the commits say, and remembers what it owns."""

    def __init__(self) -> None:
        self.owned: set[TopicPartition] = set()

    async def on_assigned(self, topic_partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.owned |= set(topic_partitions)
        return {}

    async def on_revoked(self, topic_partitions: Collection[TopicPartition]) -> None:
        self.owned -= set(topic_partitions)


async def open_log(partitions: int = 1, records: int = 10) -> MemoryLog:
    log = MemoryLog()
    await log.create([NewTopic(TOPIC, partitions)])
    write(log, records)
    return log


def write(log: MemoryLog, records: int) -> None:
    for key in log.partitions_of(TOPIC):
        log.append([RecordBatch(*key, [None] * records, [b"x"] * records)])


async def join(log: MemoryLog, listener: Listener | None = None) -> MemorySource:
    source = await log.source("g", listener or Listener())
    await source.subscribe([TOPIC])
    return source


async def commit_and_leave(log: MemoryLog, position: int) -> None:
    source = await join(log)
    await source.commit({(TOPIC, 0): position})
    await source.close()


async def test_a_commit_after_its_topic_was_made_anew_hides_nothing_of_the_new_one() -> None:
    log = await open_log()
    source = await join(log)
    await source.poll(100, 0)
    log.recreate(TOPIC)
    write(log, 10)
    await source.commit({(TOPIC, 0): 5})
    await source.close()
    (batch,) = await (await join(log)).poll(100, 0)
    assert batch.gap == Gap("replaced", 5, 0, (await log.topic_ids([TOPIC]))[TOPIC])


DAMAGES: list[tuple[Callable[[MemoryLog], None], Gap]] = [
    (lambda log: log.expire((TOPIC, 0), 8), Gap("expired", 5, 8)),
    (lambda log: log.truncate((TOPIC, 0), 3), Gap("lost", 5, 3)),
    (lambda log: log.recreate(TOPIC), Gap("replaced", 5, 0, f"{TOPIC}#2")),
]


@pytest.mark.parametrize(("damage", "gap"), DAMAGES)
async def test_a_damaged_log_is_a_gap_once_until_the_source_seeks(
    damage: Callable[[MemoryLog], None], gap: Gap
) -> None:
    log = await open_log()
    await commit_and_leave(log, 5)
    damage(log)
    source = await join(log)
    (batch,) = await source.poll(100, 0)
    assert (batch.gap, batch.records, batch.position) == (gap, (), 5)
    assert await source.poll(100, 0) == []
    source.seek({(TOPIC, 0): gap.found})
    write(log, 1)
    (batch,) = await source.poll(100, 0)
    assert batch.records[0].offset == gap.found


async def test_a_first_start_behind_expired_records_is_no_gap() -> None:
    log = await open_log()
    log.expire((TOPIC, 0), 8)
    (batch,) = await (await join(log)).poll(100, 0)
    assert [record.offset for record in batch.records] == [8, 9]


async def test_members_share_the_units_and_inherit_them() -> None:
    log, first, second = await open_log(4), Listener(), Listener()
    source = await join(log, first)
    assert len(first.owned) == 4
    await join(log, second)
    assert (len(first.owned), len(second.owned), first.owned & second.owned) == (2, 2, set())
    await source.close()
    assert len(second.owned) == 4


async def test_a_silent_member_loses_its_units_and_its_commits_are_refused_until_it_joins_again() -> None:
    log, silent, other = await open_log(2), Listener(), Listener()
    zombie, _ = await join(log, silent), await join(log, other)
    await zombie.expire_session()
    assert (len(silent.owned), len(other.owned)) == (1, 2)  # it does not know yet
    with pytest.raises(BrokerUnavailable):
        await zombie.commit({(TOPIC, 0): 1})
    await zombie.poll(1, 0)
    assert (len(silent.owned), len(other.owned)) == (1, 1)


async def test_a_log_that_is_away_answers_nobody() -> None:
    log = await open_log()
    source = await join(log)
    log.away = True
    with pytest.raises(BrokerUnavailable):
        await source.poll(1, 0)
    with pytest.raises(BrokerUnavailable):
        await log.end_offsets([(TOPIC, 0)])
    log.away = False
    assert await source.poll(1, 0)
