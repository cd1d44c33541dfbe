"""How much of a topic's retention is left before it deletes what its slowest group has not read: no clock, no log."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from penstock.bus.ports import TopicRetention
from penstock.contracts.read_topics import ReadTopic

Level = Literal["ample", "low", "passed"]

LOW_SHARE, LOW_SECONDS = 0.25, 3600.0  # less of the retention or, where half is used up, fewer seconds are low
MARGIN = 1.5  # times as much must be left until it is ample again


class SlowestPosition(NamedTuple):
    """Where the slowest group of a topic partition stands, in a log that has the offsets `[begin, end)`.

    `age` is how many seconds ago the record at the position was written, `records_per_second` how many are written.
    """

    group: str
    position: int
    begin: int
    end: int
    age: float
    records_per_second: float


class RetentionLeft(NamedTuple):
    """What is left of a topic's retention at its worst partition, if its slowest group reads nothing more.

    `seconds` go by until retention passes the position, at the rate of the last minutes; `share` is that of the
    retention, in bytes or time, whichever is less. `unread` is how many records the slowest groups of the topic's
    partitions have not read, over all of these, and `age` how many seconds ago the oldest of them was written, 0 if
    that is less than five minutes.
    """

    stream: str | None
    topic: str
    partition: int
    group: str
    position: int
    seconds: float
    share: float
    unread: int = 0
    age: float = 0.0


def retention_left(
    read: ReadTopic, partition: int, slowest: SlowestPosition, retention: TopicRetention
) -> RetentionLeft:
    """What is left at one partition. Where the log begins behind the position nothing is: records are lost already."""
    by_time = _left_by_time(slowest, retention.milliseconds)
    by_bytes = _left_by_bytes(slowest, retention.bytes, retention.sizes.get(partition, 0))
    is_passed = slowest.position < slowest.begin
    seconds = 0.0 if is_passed else max(0.0, min(by_time[0], by_bytes[0]))
    share = 0.0 if is_passed else max(0.0, min(by_time[1], by_bytes[1]))
    unread = max(0, slowest.end - max(slowest.position, slowest.begin))
    return RetentionLeft(
        read.stream, read.topic, partition, slowest.group, slowest.position, seconds, share, unread, slowest.age
    )


def _left_by_time(slowest: SlowestPosition, limit: int | None) -> tuple[float, float]:
    """Seconds and share."""
    if limit is None:
        return math.inf, 1.0
    seconds = limit / 1000 - slowest.age
    return seconds, 1000 * seconds / limit if limit else 0.0


def _left_by_bytes(slowest: SlowestPosition, limit: int | None, size: int) -> tuple[float, float]:
    """Seconds and share; records are taken to be of the same size."""
    if limit is None:
        return math.inf, 1.0
    record_bytes = size / max(1, slowest.end - slowest.begin)
    room = limit - record_bytes * (slowest.end - slowest.position)
    rate = record_bytes * slowest.records_per_second
    return room / rate if rate else math.inf, room / limit if limit else 0.0


def level_after(before: Level, left: RetentionLeft) -> Level:
    """The level of a topic. What was low or passed is ample again once half as much more is left than makes it low.

    >>> at = RetentionLeft("loans", "penstock.loans.events", 0, "server", 7, seconds=86400.0, share=0.3)
    >>> level_after("ample", at), level_after("low", at), level_after("low", at._replace(share=0.4))
    ('ample', 'low', 'ample')
    """
    if left.share <= 0 or left.seconds <= 0:
        return "passed"
    margin = 1.0 if before == "ample" else MARGIN
    is_short = left.seconds < LOW_SECONDS * margin and left.share < 2 * LOW_SHARE * margin
    if left.share < LOW_SHARE * margin or is_short:
        return "low" if before == "ample" else before
    return "ample"
