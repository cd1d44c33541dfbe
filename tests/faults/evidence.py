"""The ledger of a deployment: whatever was on the log, the registry's database, and what clients were told."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from penstock.artifacts import BadSignature
from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.ports import TopicPartition
from penstock.contracts import topics
from penstock.contracts.batch import Unreadable
from penstock.contracts.records.models import ModelEpoch, ModelVersion, subject_of
from penstock.contracts.records.monitoring import LogGap
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import Topic
from penstock.registry.db import audit, epochs, outbox, versions
from tests.faults.checker.ledger import EpochRow, LabelRow, Ledger, Loss, OutcomeRow, PredictionRow, Row
from tests.faults.client import Client
from tests.faults.declaration import HORIZON, NAMESPACE, STREAM
from tests.faults.deployment import Deployment
from tests.faults.readers import ends_of
from tests.faults.recorded_log import Recorded
from tests.faults.reproduction import answers_of, segment_row


class Found(NamedTuple):
    """A record that was on a topic: its number among the appends of its partition, its bytes, its content, its fate."""

    partition: int
    number: int
    raw: MemoryRecord
    record: Any
    loss: Loss


async def ledger_of(client: Client) -> Ledger:
    """Everything that the deployment put out."""
    deployment = client.deployment
    topic = _Topics(deployment)
    database = deployment.registry.database
    head = await database.read(audit.newest_head)
    registered = [versions.model_of(row) for row in await database.read(lambda s: versions.all_of(s, STREAM))]
    runs = [found.record for found in topic(topics.TRAINING_RUNS)]
    events = list(topic(topics.EVENTS))
    return Ledger(
        operations=tuple(client.operations),
        commands=tuple(client.commands),
        received=tuple(_received(found) for found in topic(topics.RECEIVED)),
        events=tuple(_event(found) for found in events),
        labels=tuple(_label(found) for found in topic(topics.LABELS)),
        rejected=tuple(_rejection(found) for found in topic(topics.REJECTED)),
        dead_letters=tuple(_dead_letter(found) for found in topic(topics.STREAM_DEAD_LETTERS)),
        predictions=tuple(_predictions(deployment, events, list(topic(topics.PREDICTIONS)))),
        outcomes=tuple(_outcome(found) for found in topic(topics.OUTCOMES)),
        ends=_ends(topic),
        horizon=HORIZON,
        epochs=tuple(_epoch(found.record) for found in topic(topics.MODELS)),
        installed=tuple(_epoch(epoch) for epoch in await database.read(lambda s: epochs.all_of(s, STREAM))),
        registered={model.version: model.digest for model in registered},
        unverified=frozenset(model.digest for model in registered if not _verifies(deployment, model)),
        damaged=bool(deployment.damaged),
        audit=tuple(found.record for found in topic(topics.AUDIT)),
        audit_head=None if head is None else (head.number, head.hash),
        lags=_lags(deployment),
        outbox=await database.read(outbox.unpublished_count),
        open_runs=len({run.request for run in runs} - {run.request for run in runs if run.status != "started"}),
        segments=tuple(
            segment_row(deployment, topic.stream, segment)
            for run in runs
            if run.dataset is not None
            for segment in run.dataset.segments
        ),
        counts=Counter(
            {
                "events sent": sum(operation.kind == "event" for operation in client.operations),
                "labels sent": sum(operation.kind == "label" for operation in client.operations),
                "outcomes": len(list(topic(topics.OUTCOMES))),
                "training runs": sum(run.status == "finished" for run in runs),
                "models registered": len(registered) - 1,
                "epochs": len({found.record.epoch for found in topic(topics.MODELS)}),
                "epochs with a challenger": len(
                    {found.record.epoch for found in topic(topics.MODELS) if found.record.rollout is not None}
                ),
                "commands": len(client.commands),
                "gaps told": len(topic.gaps),
            }
        ),
    )


class _Topics:
    """Reads topics of the stream and of the control plane, with all that was ever on them."""

    def __init__(self, deployment: Deployment) -> None:
        self._log = deployment.log
        self.stream: StreamDeclared = topics.STREAMS.decoder(None)(self._records((topics.STREAMS.name(NAMESPACE), 0)))[
            -1
        ]
        self.gaps: list[LogGap] = []
        self.gaps = [found.record.gap for found in self(topics.ALERTS) if found.record.gap is not None]

    def _records(self, key: TopicPartition) -> list[MemoryRecord]:
        return [recorded.record for recorded in self._log.history[key]]

    def __call__(self, topic: Topic[Any]) -> Iterator[Found]:
        decode = topic.decoder(self.stream)
        for key in self._log.partitions_of(topic.name(NAMESPACE, STREAM if topic.plane == "data" else None)):
            history = self._log.history[key]
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


def _received(found: Found) -> Row:
    name = "unreadable" if isinstance(found.record, Unreadable) else ""
    offset = found.raw.offset
    return Row(found.partition, found.number, name, found.raw.value or b"", log_offset=offset, loss=found.loss)


def _event(found: Found) -> Row:
    event = found.record
    return Row(
        found.partition, found.number, event.id, found.raw.value or b"", time=_milliseconds(event.time), loss=found.loss
    )


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _label(found: Found) -> LabelRow:
    data = found.record.data
    return LabelRow(
        found.partition, found.number, found.raw.value or b"", data.event_id, data.revision, data.value, found.loss
    )


def _rejection(found: Found) -> Row:
    data = found.record.data
    return Row(found.partition, found.number, data.id, b"", original=base64.b64decode(data.original))


def _dead_letter(found: Found) -> Row:
    data = found.record.data
    original = base64.b64decode(data.value or "")
    return Row(data.partition, found.number, found.record.id, b"", original=original, source_offset=data.offset)


def _predictions(deployment: Deployment, events: list[Found], predictions: list[Found]) -> Iterator[PredictionRow]:
    inputs = {found.record.id: found.record for found in events}
    answers = answers_of(deployment, inputs, [found.record for found in predictions])
    for found, matches in zip(predictions, answers, strict=True):
        name, data = found.record.id, found.record.data
        yield PredictionRow(
            found.partition, found.number, name, data.entity or "", data.epoch, data.version, data.digest, matches,
            found.loss,
        )  # fmt: skip


def _outcome(found: Found) -> OutcomeRow:
    data = found.record.data
    return OutcomeRow(found.number, found.record.id, data.answer.epoch, data.answer.digest, data.revision, data.label)


def _ends(topic: _Topics) -> Mapping[str, Sequence[tuple[str, str]]]:
    found = list(topic(topics.OUTCOMES))
    return ends_of(topic.stream, [outcome.raw for outcome in found], [outcome.record for outcome in found])


def _epoch(epoch: ModelEpoch) -> EpochRow:
    challengers = () if epoch.rollout is None else epoch.rollout.challengers
    others = frozenset((challenger.model.version, challenger.model.digest) for challenger in challengers)
    return EpochRow(epoch.epoch, epoch.champion.version, epoch.champion.digest, others)


def _verifies(deployment: Deployment, model: ModelVersion) -> bool:
    try:
        deployment.verifier.expect(model.envelope, subject_of(model.name, model.run), model.digest)
    except BadSignature:
        return False
    return True


def _lags(deployment: Deployment) -> dict[str, int]:
    lags = {}
    for member in deployment.members.values():
        group = member.worker.group
        for topic in group.topics:
            for key in deployment.log.partitions_of(topic.name(NAMESPACE, STREAM if topic.plane == "data" else None)):
                partition = deployment.log.partition(key)
                assert partition is not None
                committed = deployment.log.commits(group.name).get(key, partition.beginning)
                lags[f"{group.name} {key[0]}/{key[1]}"] = partition.end - committed
    return lags
