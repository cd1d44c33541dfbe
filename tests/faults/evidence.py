"""What tells of a run of one stream: all that was on the log, the registry's database, and what clients were told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from penstock.artifacts import Store, Verifier
from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.ports import TopicPartition
from penstock.contracts import topics
from penstock.contracts.records.monitoring import LogGap
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import Topic
from penstock.registry.db.transactions import Database
from tests.faults.checker.ledger import CommandRow, Loss, Operation
from tests.faults.recorded_log import Recorded


@dataclass(frozen=True)
class Evidence:
    """Of the simulation, or of a deployment of processes on a broker.

    Attributes:
        stream: its name.
        history: by topic partition every record that was appended, in order.
        lags: by group and topic partition how far the group is behind.
        damaged: whether artifacts were.
    """

    namespace: str
    stream: str
    history: Mapping[TopicPartition, Sequence[Recorded]]
    database: Database
    store: Store
    verifier: Verifier
    operations: Sequence[Operation]
    commands: Sequence[CommandRow] = ()
    lags: Mapping[str, int] = field(default_factory=dict)
    damaged: bool = False


class Found(NamedTuple):
    """A record that was on a topic: its number among the appends of its partition, its bytes, its content, its fate."""

    partition: int
    number: int
    raw: MemoryRecord
    record: Any
    loss: Loss


class Topics:
    """Reads topics of the stream and of the control plane, with all that was ever on them."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        declared = topics.STREAMS.decoder(None)(self._records((topics.STREAMS.name(evidence.namespace), 0)))
        self.stream: StreamDeclared = [each for each in declared if each.name == evidence.stream][-1]
        self.gaps: list[LogGap] = []
        self.gaps = [found.record.gap for found in self(topics.ALERTS) if found.record.gap is not None]

    def _records(self, key: TopicPartition) -> list[MemoryRecord]:
        return [recorded.record for recorded in self._evidence.history[key]]

    def __call__(self, topic: Topic[Any]) -> Iterator[Found]:
        decode = topic.decoder(self.stream)
        evidence = self._evidence
        name = topic.name(evidence.namespace, evidence.stream if topic.plane == "data" else None)
        for key in sorted(key for key in evidence.history if key[0] == name):
            history = evidence.history[key]
            decoded = decode([recorded.record for recorded in history])
            for number, (recorded, record) in enumerate(zip(history, decoded, strict=True)):
                yield Found(key[1], number, recorded.record, record, self._loss(key, recorded))

    def _loss(self, key: TopicPartition, recorded: Recorded) -> Loss:
        if not recorded.fault:
            return Loss()
        gaps = [gap for gap in self.gaps if (gap.topic, gap.partition) == key]
        told = {gap.group for gap in gaps if _covers(gap, recorded)}
        return Loss(recorded.fault, frozenset(told))


def _covers(gap: LogGap, recorded: Recorded) -> bool:
    """Whether a gap tells of the record at an offset: of a topic made anew nobody knows how far it went.

    One that is shorter than what was read of its predecessor may also look like one that lost its tail.
    """
    offset = recorded.record.offset
    match gap.cause:
        case "expired":
            return gap.expected <= offset < gap.found
        case "replaced":
            return gap.expected <= offset or recorded.topic > 0  # that may have come and gone between two looks
        case "lost":
            return gap.found <= offset
