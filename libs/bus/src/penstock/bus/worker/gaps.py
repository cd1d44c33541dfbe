"""Gaps: where a group's position and the log disagree, each is told, and read over or held as its stream declares."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from penstock.bus.ports import FetchedBatch, Gap, Log, Source, TopicPartition
from penstock.bus.publisher import TracedOutputs, no_traceparent
from penstock.bus.routes import Group
from penstock.bus.state.progress import count_reset
from penstock.bus.worker.assigned_units import AssignedUnit
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.batch import output
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import GAP, Alert, LogGap
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import ALERTS
from penstock.telemetry.metrics import Metrics

_EVENTS = {
    "expired": "retention deleted the records from offset {expected} up to {found} before they were read",
    "lost": "the log ends at offset {found}, before {expected}, which was already reached: the broker lost its tail",
    "replaced": "the topic was deleted and made anew; what its predecessor held from offset {expected} on is not known",
}
_ACTIONS = {
    "continue": "reading on at offset {found}",
    "hold": 'the partition is held until the stream declares on_gap = "continue"',
}
_CONTROL_ACTION = (
    "the partition is held: stop the service, restore the topic, or accept the loss with "
    "kafka-consumer-groups --reset-offsets --to-offset {found}, and start it again"
)

log = logging.getLogger(__name__)


class _HeldGap(NamedTuple):
    stream: str | None
    batch: FetchedBatch


class Gaps:
    """The gaps of a worker's topic partitions. A gap is handled as a batch: its output is an alert, and the position
    behind it is written and committed like any other.
    """

    def __init__(self, group: Group, log: Log, streams: Streams, metrics: Metrics) -> None:
        self._group = group
        self._log = log
        self._streams = streams
        self._metrics = metrics
        self._due: list[FetchedBatch] = []
        self._held: dict[TopicPartition, _HeldGap] = {}
        self._texts: dict[TopicPartition, str] = {}

    async def starts(self, units: Mapping[TopicPartition, AssignedUnit]) -> dict[TopicPartition, int]:
        """Where to read stateful units' topics from: at the state's positions, without one at the beginning.

        A topic that is no longer the one that the position is of begins anew, and that is a gap to handle: the group's
        commits went with the old topic, the state's positions did not.
        """
        ids = await self._log.topic_ids({topic for topic, _ in units})
        replaced = {key for key, unit in units.items() if key[0] in ids and _is_replaced(key[0], ids[key[0]], unit)}
        known = {
            key: unit.positions[key[0]] for key, unit in units.items() if unit.positions and key[0] in unit.positions
        }
        begins = await self._log.beginning_offsets([key for key in units if key in replaced or key not in known])
        for topic, partition in replaced & begins.keys():
            expected, found = known.get((topic, partition), 0), begins[topic, partition]
            self._due.append(FetchedBatch(topic, partition, (), expected, Gap("replaced", expected, found, ids[topic])))
        return known | begins

    def is_due(self, topic_partition: TopicPartition) -> bool:
        """Whether a gap of the topic partition is to be handled before anything more is read of it."""
        return any((batch.topic, batch.partition) == topic_partition for batch in self._due)

    def take_due(self) -> list[FetchedBatch]:
        """The gaps to handle now: replaced topics, and those held of streams that by now declare to continue."""
        for key in [key for key, held in self._held.items() if self._action(held.stream) == "continue"]:
            self._due.append(self._held.pop(key).batch)
            del self._texts[key]
        due, self._due = self._due, []
        return due

    def handle(self, unit: AssignedUnit, batch: FetchedBatch, source: Source) -> list[TracedOutputs]:
        """The alert about a batch's gap. Advances the unit's position and the source's, or holds the partition."""
        assert batch.gap is not None
        assert unit.positions is not None
        assert unit.state is not None
        key, gap = (batch.topic, batch.partition), batch.gap
        unit.positions.setdefault(batch.topic, gap.expected)
        if key in self._held:
            return []
        if gap.cause == "replaced" and _topic_id(unit, batch.topic) == gap.topic_id:
            _read_on(source, key, unit.positions[batch.topic])  # both the state and the source remembered the old topic
            return []
        action = self._action(unit.unit.stream)
        if action == "continue":
            unit.positions[batch.topic] = gap.found
            if gap.found < gap.expected:
                count_reset(unit.state)
            if gap.cause == "replaced":
                unit.state.put(_topic_id_key(batch.topic), gap.topic_id.encode())
            _read_on(source, key, gap.found)
        else:
            self._held[key] = _HeldGap(unit.unit.stream, batch)
            source.pause([key])
        alert = self._tell(unit.unit.stream, batch, gap, action)
        record_key = unit.unit.stream or batch.topic
        return [TracedOutputs([output(ALERTS, alert, key=record_key)], no_traceparent)]

    def failures(self) -> dict[str, str]:
        """The topic partitions that are held, and why."""
        return {f"{topic}/{partition}": text for (topic, partition), text in self._texts.items()}

    def discard(self, topic_partitions: Collection[TopicPartition]) -> None:
        """These were revoked."""
        self._due = [batch for batch in self._due if (batch.topic, batch.partition) not in topic_partitions]
        for key in topic_partitions:
            self._held.pop(key, None)
            self._texts.pop(key, None)

    def clear(self) -> None:
        """The session is over."""
        self.discard([*self._held, *((batch.topic, batch.partition) for batch in self._due)])

    def _action(self, stream: str | None) -> Literal["continue", "hold"]:
        """What the stream declares; in a control topic no later record can stand for those that are gone."""
        declared = self._streams.known(stream) if stream else None
        return declared.declaration.on_gap if declared is not None else "hold"

    def _tell(self, stream: str | None, batch: FetchedBatch, gap: Gap, action: Literal["continue", "hold"]) -> Alert:
        """Log and count the gap; the alert about it, which has the same id however often it is found."""
        report = log_gap(self._group.name, batch, gap, action)
        text = gap_text(stream, report)
        if action == "hold":
            self._texts[batch.topic, batch.partition] = text
        log.error("%s", text)
        self._metrics.count_missing(batch.topic, report.records)
        return Alert(
            source=f"penstock/{self._group.name}",
            id=derived_id(GAP, *report.model_dump().values(), gap.topic_id),
            time=datetime.now(UTC),
            severity="critical",
            subject=GAP,
            message=text,
            stream=stream,
            gap=report,
            kind=AlertKind.GAP,
            key=alert_key(AlertKind.GAP, stream, self._group.name, batch.topic, batch.partition),
        )


def _topic_id_key(topic: str) -> bytes:
    """Where a unit's state has the id of the topic that its position is of."""
    return b"\x00topic-id:" + topic.encode()


def _is_replaced(topic: str, topic_id: str, unit: AssignedUnit) -> bool:
    """Whether the unit's position is of another topic of that name; the id of its first is remembered."""
    assert unit.state is not None
    remembered = _topic_id(unit, topic)
    if remembered is None:
        unit.state.put(_topic_id_key(topic), topic_id.encode())
    return remembered not in (None, topic_id)


def _topic_id(unit: AssignedUnit, topic: str) -> str | None:
    """The id of the topic that the unit's position is of, None where it is not remembered."""
    assert unit.state is not None
    topic_id = unit.state.get(_topic_id_key(topic))
    return None if topic_id is None else topic_id.decode()


def _read_on(source: Source, key: TopicPartition, position: int) -> None:
    source.seek({key: position})
    source.resume([key])


def log_gap(group: str, batch: FetchedBatch, gap: Gap, action: Literal["continue", "hold"]) -> LogGap:
    """A gap as it is told."""
    records = 0 if gap.cause == "replaced" else abs(gap.found - gap.expected)
    return LogGap(
        group=group,
        topic=batch.topic,
        partition=batch.partition,
        cause=gap.cause,
        expected=gap.expected,
        found=gap.found,
        records=records,
        action=action,
    )


def gap_text(stream: str | None, gap: LogGap) -> str:
    """What happened, how many records it concerns, and what is done about it or has to be."""
    where = f"{gap.group}: {gap.topic}/{gap.partition}"
    count = f" ({gap.records} records)" if gap.records else ""
    event = _EVENTS[gap.cause].format(expected=gap.expected, found=gap.found)
    action = _CONTROL_ACTION if stream is None else _ACTIONS[gap.action]
    return f"{where}: {event}{count}; {action.format(found=gap.found)}"
