"""What is left of the retention of every topic that groups read, asked of the log in portions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from penstock.bus.ports import Log, TopicPartition
from penstock.contracts.read_topics import ReadTopic, keys_of_group
from penstock.contracts.topics import ARCHIVER
from penstock.registry.retention.retention_left import RetentionLeft, SlowestPosition, retention_left

PORTION = 300  # topics that one request asks for
RECENT_S = 300  # seconds over which the rate of writes is taken; a position within them has no age
BEYOND = 1.1  # times the retention within which the time of a record is looked for: what is older has passed
AGE_STEPS = 12  # halvings of the time in which a record was written: to 2.5 minutes of a week


async def survey(log: Log, topics: Sequence[ReadTopic], now: int) -> list[RetentionLeft]:
    """What is left of each topic that exists, at its worst partition; `now` is in milliseconds since 1970.

    Raises:
        TransientError: the log does not answer, or does not permit to describe its topics.
    """
    portions = [topics[start : start + PORTION] for start in range(0, len(topics), PORTION)]
    return [left for portion in portions for left in await _survey_portion(log, portion, now)]


async def _survey_portion(log: Log, topics: Sequence[ReadTopic], now: int) -> list[RetentionLeft]:
    reads = {read.topic: read for read in topics}
    slowest = await _slowest_positions(log, topics, now)
    retention = await log.retention({topic for topic, _ in slowest})
    aged = await _with_ages(log, slowest, {topic: kept.milliseconds for topic, kept in retention.items()}, now)
    found = [retention_left(reads[topic], number, at, retention[topic]) for (topic, number), at in aged.items()]
    by_topic = itertools.groupby(sorted(found, key=lambda left: left.topic), lambda left: left.topic)
    return [_worst(list(partitions)) for _, partitions in by_topic]


def _worst(partitions: Sequence[RetentionLeft]) -> RetentionLeft:
    worst = min(partitions, key=lambda left: (left.share, left.seconds))
    return worst._replace(unread=sum(left.unread for left in partitions), age=max(left.age for left in partitions))


async def _slowest_positions(log: Log, reads: Sequence[ReadTopic], now: int) -> dict[TopicPartition, SlowestPosition]:
    """The slowest group of each topic partition.

    One that has committed nothing will start at the log's beginning. Only the archiver is not waited for until it has:
    where it is new, as after an upgrade, the log may be old.
    """
    keys = [key for read in reads for key in read.keys]
    groups = {group for read in reads for group in read.groups}
    commits = {group: await log.committed(group, keys_of_group(group, reads)) for group in sorted(groups)}
    begins, ends = await log.beginning_offsets(keys), await log.end_offsets(keys)
    recent = await log.offsets_at(dict.fromkeys(keys, now - 1000 * RECENT_S))
    readers = {read.topic: read.groups for read in reads}
    slowest = {}
    for key in begins.keys() & ends.keys() & recent.keys():
        starts = {group: ends[key] if group == ARCHIVER else begins[key] for group in readers[key[0]]}
        position, group = min((commits[group].get(key, start), group) for group, start in starts.items())
        rate = (ends[key] - recent[key]) / RECENT_S
        age = 0.0 if position >= recent[key] else float(RECENT_S)
        slowest[key] = SlowestPosition(group, position, begins[key], ends[key], age, rate)
    return slowest


async def _with_ages(
    log: Log, slowest: Mapping[TopicPartition, SlowestPosition], limits: Mapping[str, int | None], now: int
) -> dict[TopicPartition, SlowestPosition]:
    """The positions with the ages of their records, found by halving; most groups are at the end, and need none."""
    ranges = {
        key: (float(RECENT_S), BEYOND * limit / 1000)
        for key, at in slowest.items()
        if at.age and (limit := limits[key[0]]) is not None and limit > 1000 * RECENT_S
    }
    for _ in range(AGE_STEPS if ranges else 0):
        middles = {key: (low + high) / 2 for key, (low, high) in ranges.items()}
        found = await log.offsets_at({key: now - int(1000 * middle) for key, middle in middles.items()})
        for key, middle in middles.items():
            low, high = ranges[key]
            is_older = found.get(key, 0) > slowest[key].position
            ranges[key] = (middle, high) if is_older else (low, middle)
    return {key: at._replace(age=ranges[key][1]) if key in ranges else at for key, at in slowest.items()}
