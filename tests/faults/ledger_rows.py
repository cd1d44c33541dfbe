"""The ledger of a stream, made of its evidence."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from penstock.artifacts import BadSignature, Verifier
from penstock.contracts import topics
from penstock.contracts.batch import Unreadable
from penstock.contracts.records.models import ModelEpoch, ModelVersion, subject_of
from penstock.contracts.records.streams import StreamDeclared
from penstock.registry.db import audit, epochs, outbox, versions
from tests.faults.checker.ledger import EpochRow, LabelRow, Ledger, OutcomeRow, PredictionRow, Row
from tests.faults.evidence import Evidence, Found, Topics
from tests.faults.readers import ends_of
from tests.faults.reproduction import answers_of, segment_row


async def ledger_of(evidence: Evidence) -> Ledger:
    """Everything that the deployment put out for the stream."""
    stream, database, topic = evidence.stream, evidence.database, Topics(evidence)
    head = await database.read(audit.newest_head)
    registered = [versions.model_of(row) for row in await database.read(lambda s: versions.all_of(s, stream))]
    runs = [found.record for found in topic(topics.TRAINING_RUNS) if found.record.stream == stream]
    models = [found.record for found in topic(topics.MODELS) if found.record.stream == stream]
    events = list(topic(topics.EVENTS))
    return Ledger(
        operations=tuple(evidence.operations),
        commands=tuple(evidence.commands),
        received=tuple(_received(found) for found in topic(topics.RECEIVED)),
        events=tuple(_event(found) for found in events),
        labels=tuple(_label(found) for found in topic(topics.LABELS)),
        rejected=tuple(_rejection(found) for found in topic(topics.REJECTED)),
        dead_letters=tuple(_dead_letter(found) for found in topic(topics.STREAM_DEAD_LETTERS)),
        predictions=tuple(_predictions(evidence, topic.stream, events, list(topic(topics.PREDICTIONS)))),
        outcomes=tuple(_outcome(found) for found in topic(topics.OUTCOMES)),
        ends=_ends(topic),
        horizon=topic.stream.declaration.label.horizon,
        epochs=tuple(map(_epoch, models)),
        installed=tuple(_epoch(epoch) for epoch in await database.read(lambda s: epochs.all_of(s, stream))),
        registered={model.version: model.digest for model in registered},
        unverified=frozenset(model.digest for model in registered if not _verifies(evidence.verifier, model)),
        damaged=evidence.damaged,
        audit=tuple(found.record for found in topic(topics.AUDIT)),
        audit_head=None if head is None else (head.number, head.hash),
        lags=evidence.lags,
        outbox=await database.read(outbox.unpublished_count),
        open_runs=len({run.request for run in runs} - {run.request for run in runs if run.status != "started"}),
        segments=tuple(
            segment_row(evidence, topic.stream, segment)
            for run in runs
            if run.dataset is not None
            for segment in run.dataset.segments
        ),
        counts=Counter(
            {
                "events sent": sum(operation.kind == "event" for operation in evidence.operations),
                "labels sent": sum(operation.kind == "label" for operation in evidence.operations),
                "outcomes": len(list(topic(topics.OUTCOMES))),
                "training runs": sum(run.status == "finished" for run in runs),
                "models registered": len(registered) - 1,
                "epochs": len({model.epoch for model in models}),
                "epochs with a challenger": len({model.epoch for model in models if model.rollout is not None}),
                "commands": len(evidence.commands),
                "gaps told": len(topic.gaps),
            }
        ),
    )


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


def _predictions(
    evidence: Evidence, stream: StreamDeclared, events: list[Found], predictions: list[Found]
) -> Iterator[PredictionRow]:
    inputs = {found.record.id: found.record for found in events}
    answers = answers_of(evidence.store, stream.declaration, inputs, [found.record for found in predictions])
    for found, matches in zip(predictions, answers, strict=True):
        name, data = found.record.id, found.record.data
        yield PredictionRow(
            found.partition, found.number, name, data.entity or "", data.epoch, data.version, data.digest, matches,
            found.loss,
        )  # fmt: skip


def _outcome(found: Found) -> OutcomeRow:
    data = found.record.data
    return OutcomeRow(found.number, found.record.id, data.answer.epoch, data.answer.digest, data.revision, data.label)


def _ends(topic: Topics) -> Mapping[str, Sequence[tuple[str, str]]]:
    found = list(topic(topics.OUTCOMES))
    return ends_of(topic.stream, [outcome.raw for outcome in found], [outcome.record for outcome in found])


def _epoch(epoch: ModelEpoch) -> EpochRow:
    challengers = () if epoch.rollout is None else epoch.rollout.challengers
    others = frozenset((challenger.model.version, challenger.model.digest) for challenger in challengers)
    return EpochRow(epoch.epoch, epoch.champion.version, epoch.champion.digest, others)


def _verifies(verifier: Verifier, model: ModelVersion) -> bool:
    try:
        verifier.expect(model.envelope, subject_of(model.name, model.run), model.digest)
    except BadSignature:
        return False
    return True
