"""The ledger of a deployment on the memory log."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from penstock.artifacts import digest_of
from penstock.bus.memory.partition import MemoryRecord
from penstock.bus.routes import Group
from penstock.contracts import topics
from penstock.contracts.batch import Unreadable
from penstock.contracts.topics import Topic
from penstock.registry.db import audit, outbox
from tests.faults.checker.ledger import EpochRow, Ledger, Operation, OutcomeRow, PredictionRow, Row, SegmentRow
from tests.faults.deployment import DECLARATION, NAMESPACE, Deployment

STREAM = DECLARATION.name


async def ledger_of(deployment: Deployment, operations: Sequence[Operation]) -> Ledger:
    """Everything that it put out."""
    read = _Reader(deployment)
    database = deployment.registry.database
    head = await database.read(audit.newest_head)
    runs = [run for _, _, run in read(topics.TRAINING_RUNS)]
    models = {epoch.champion.version: epoch.champion.digest for _, _, epoch in read(topics.MODELS)}
    return Ledger(
        operations=tuple(operations),
        received=tuple(
            Row(partition, raw.offset, "unreadable" if isinstance(record, Unreadable) else "", raw.value or b"")
            for partition, raw, record in read(topics.RECEIVED)
        ),
        events=tuple(Row(n, raw.offset, event.id, raw.value or b"") for n, raw, event in read(topics.EVENTS)),
        rejected=tuple(
            Row(n, raw.offset, record.data.id, b"", original=base64.b64decode(record.data.original))
            for n, raw, record in read(topics.REJECTED)
        ),
        dead_letters=tuple(
            Row(
                record.data.partition, raw.offset, record.id, b"",
                original=base64.b64decode(record.data.value or ""), source_offset=record.data.offset,
            )
            for _, raw, record in read(topics.STREAM_DEAD_LETTERS)
        ),
        predictions=tuple(
            PredictionRow(n, raw.offset, p.id, p.data.entity or "", p.data.epoch, p.data.version, p.data.digest)
            for n, raw, p in read(topics.PREDICTIONS)
        ),
        outcomes=tuple(
            OutcomeRow(raw.offset, outcome.id, outcome.data.answer.epoch, outcome.data.answer.digest)
            for _, raw, outcome in read(topics.OUTCOMES)
        ),
        epochs=tuple(EpochRow(e.epoch, e.champion.version, e.champion.digest) for _, _, e in read(topics.MODELS)),
        registered=models,
        audit=tuple(entry for _, _, entry in read(topics.AUDIT)),
        audit_head=None if head is None else (head.number, head.hash),
        lags=_lags(deployment),
        outbox=await database.read(outbox.unpublished_count),
        open_runs=len({run.request for run in runs} - {run.request for run in runs if run.status != "started"}),
        segments=tuple(
            SegmentRow(segment.digest, digest_of(deployment.store.get(segment.digest)))
            for run in runs
            if run.dataset is not None
            for segment in run.dataset.segments
        ),
    )  # fmt: skip


class _Reader:
    """Reads topics of the stream and of the control plane."""

    def __init__(self, deployment: Deployment) -> None:
        self._log = deployment.log
        declared = topics.STREAMS.decoder(None)(self._log.records_of((topics.STREAMS.name(NAMESPACE), 0)))
        self._stream = declared[-1]

    def __call__(self, topic: Topic[Any]) -> Iterator[tuple[int, MemoryRecord, Any]]:
        decode = topic.decoder(self._stream)
        for key in self._log.partitions_of(topic.name(NAMESPACE, STREAM if topic.plane == "data" else None)):
            raw = self._log.records_of(key)
            yield from ((key[1], record, decoded) for record, decoded in zip(raw, decode(raw), strict=True))


def _lags(deployment: Deployment) -> dict[str, int]:
    lags = {}
    for member in deployment.members.values():
        group: Group = member.worker.group
        for topic in group.topics:
            for key in deployment.log.partitions_of(topic.name(NAMESPACE, STREAM if topic.plane == "data" else None)):
                partition = deployment.log.partition(key)
                assert partition is not None
                committed = deployment.log.commits(group.name).get(key, partition.beginning)
                lags[f"{group.name} {key[0]}/{key[1]}"] = partition.end - committed
    return lags
