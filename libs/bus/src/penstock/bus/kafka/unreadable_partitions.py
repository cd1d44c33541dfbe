"""The topic partitions that a consumer cannot read: left out for a while, so that the others are read on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition

from penstock.bus.kafka.errors import unreadable_reason

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until what could not be read is fetched again
RETRY_LASTS = 5.0  # seconds within which a new fetch has failed again, if it does

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Unreadable:
    """Why a topic partition cannot be read, and when it is tried again, after a pause of so many seconds."""

    reason: str
    retry_at: float
    pause: float


class UnreadablePartitions:
    """A consumer's topic partitions that cannot be read: each is paused, and tried again after ever longer pauses."""

    def __init__(self, consumer: AIOKafkaConsumer, is_paused: Callable[[KafkaTopicPartition], bool]) -> None:
        self._consumer = consumer
        self._is_paused = is_paused
        self._waiting: dict[KafkaTopicPartition, _Unreadable] = {}
        self._retried: dict[KafkaTopicPartition, _Unreadable] = {}

    def add(self, partition: KafkaTopicPartition, offset: int, error: Exception) -> None:
        """Leave a topic partition out for a while."""
        before = self._retried.pop(partition, None)
        pause = FIRST_PAUSE if before is None else min(2 * before.pause, LONGEST_PAUSE)
        reason = failure_text(partition, offset, unreadable_reason(error))
        log.warning("%s; trying again in %g s", reason, pause)
        self._consumer.pause(partition)
        self._waiting[partition] = _Unreadable(reason, time.monotonic() + pause, pause)

    def retry_due(self) -> None:
        """Have those whose pause is over fetched again."""
        now = time.monotonic()
        for partition in [partition for partition, failure in self._waiting.items() if failure.retry_at <= now]:
            self._retried[partition] = self._waiting.pop(partition)
            if partition in self._consumer.assignment() and not self._is_paused(partition):
                self._consumer.resume(partition)

    def is_waiting(self, partition: KafkaTopicPartition) -> bool:
        """Whether it is left out for now."""
        return partition in self._waiting

    def remove(self, partitions: Collection[KafkaTopicPartition]) -> None:
        """These have been read."""
        if self._retried:
            for partition in partitions:
                self._retried.pop(partition, None)

    def reasons(self) -> dict[KafkaTopicPartition, str]:
        """Why each cannot be read; one that is tried again and fails no more, for want of records, is left out."""
        tried = time.monotonic() - RETRY_LASTS
        return {
            partition: failure.reason
            for partition, failure in (self._retried | self._waiting).items()
            if failure.retry_at > tried
        }


def failure_text(partition: KafkaTopicPartition, offset: int, reason: str) -> str:
    """Which topic partition cannot be read, where, and why; an offset below 0 is not known."""
    where = f" at offset {offset}" if offset >= 0 else ""
    return f"{partition.topic}/{partition.partition} cannot be read{where}: {reason}"
