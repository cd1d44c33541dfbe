"""What the log holds of one stream: its predictions and rejections, epochs, drifts, training runs and statistics."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from penstock.bus.ports import FetchedBatch, Log, Reader, TopicPartition
from penstock.console.log_client import POLL_S
from penstock.console.record_refusal import RefusalReason
from penstock.console.replay.watch.event_columns import EventColumns, WatchedPrediction
from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.first_by_offset import FirstByOffset
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.outcomes import OUTCOME_TYPE
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import (
    AUDIT,
    DECISIONS,
    DRIFT,
    MODELS,
    OUTCOMES,
    PREDICTIONS,
    REJECTED,
    STATISTICS,
    TRAINING_REQUESTS,
    TRAINING_RUNS,
    Topic,
)

TOPICS: tuple[Topic[Any], ...] = (
    PREDICTIONS, REJECTED, OUTCOMES, MODELS, DRIFT, TRAINING_REQUESTS, TRAINING_RUNS, AUDIT, DECISIONS, STATISTICS,
)  # fmt: skip


MOST_STATISTICS = 100  # blocks, each of 17 KB


class StreamWatch:
    """Follows one stream on the log from its beginning, and keeps what it read.

    Attributes:
        events: what the log holds of each event.
        epochs: by number.
        training_requests: by the id of the record.
        training_runs: by the id of the record.
        verdicts: what the registry noted of each candidate, by the id of the training request.
        decision: the newest on whether to train (None: there was none).
        drifts: in the order of the log.
        statistics: the newest provisional ones, in the order of the log.
    """

    def __init__(self, log: Log, namespace: str, stream: StreamDeclared) -> None:
        self.stream = stream
        self.events = EventColumns(stream.declaration)
        self.epochs: FirstByOffset[int, ModelEpoch] = FirstByOffset()
        self.training_requests: FirstByOffset[str, TrainingRequest] = FirstByOffset()
        self.training_runs: FirstByOffset[str, TrainingRun] = FirstByOffset()
        self.verdicts: FirstByOffset[str, AuditEntry] = FirstByOffset()
        self.decision: Decision | None = None
        self.drifts: list[Drift] = []
        self.statistics: deque[Statistics] = deque(maxlen=MOST_STATISTICS)
        self._log = log
        self._topics = {
            topic.name(namespace, stream.name if topic.plane == "data" else None): topic for topic in TOPICS
        }
        self._partitions: list[TopicPartition] = [
            (name, number) for name, topic in self._topics.items() for number in range(topic.partitions(stream))
        ]
        self._reader: Reader | None = None

    @property
    def predictions(self) -> Mapping[str, WatchedPrediction]:
        """By the id of the event; of several, the first by offset."""
        return self.events.predictions

    @property
    def rejections(self) -> Mapping[str, str]:
        """The code of the refusal, by the id of the rejected event or label."""
        return self.events.rejections

    async def start(self) -> None:
        """Start at the beginning of the log, and read everything up to now."""
        self._reader = await self._log.reader(dict.fromkeys(self._partitions, 0))
        await self.read_to_end()

    async def poll(self, wait: float = 0.0) -> bool:
        """Read what is there, waiting so many seconds for the first record; whether something was."""
        batches = await self._started_reader.poll(wait)
        self._apply(batches)
        return bool(batches)

    async def read_to_end(self) -> None:
        """Read everything up to now."""
        reader, ends = self._started_reader, await self._log.end_offsets(self._partitions)
        while await reader.is_behind(ends):
            self._apply(await reader.poll(POLL_S))

    async def close(self) -> None:
        """Stop following."""
        if self._reader is not None:
            await self._reader.close()

    def unanswered(self, ids: Iterable[str]) -> list[str]:
        """The ids of the events that have neither a prediction nor a rejection yet."""
        return [record_id for record_id in ids if not self.is_answered(record_id)]

    def is_answered(self, record_id: str) -> bool:
        """Whether the event has a prediction or a rejection."""
        return record_id in self.predictions or record_id in self.rejections

    def has_outcome(self, record_id: str) -> bool:
        """Whether the event has an outcome, joined or expired."""
        return self.events.has_outcome(record_id)

    @property
    def newest_epoch(self) -> int:
        """The number of the newest epoch, -1 before the first."""
        return max(self.epochs, default=-1)

    @property
    def _started_reader(self) -> Reader:
        assert self._reader is not None, "the watch was not started"
        return self._reader

    def _apply(self, batches: Iterable[FetchedBatch]) -> None:
        for batch in batches:
            topic = self._topics[batch.topic]
            if topic is OUTCOMES:
                self._apply_outcomes(batch.records)
                continue
            for record in topic.decoder(self.stream)(batch.records):
                if not isinstance(record, Unreadable):
                    self._apply_record(record)

    def _apply_record(self, record: Any) -> None:
        match record:
            case Prediction():
                self.events.predict(record.id, record.data)
            case Rejection():
                self._apply_rejection(record)
            case AuditEntry() if record.subject == self.stream.name and "run" in record.detail:
                self.verdicts.add(record.detail["run"], record)
            case ModelEpoch() if record.stream == self.stream.name:
                self.epochs.add(record.epoch, record)
            case Decision() if record.stream == self.stream.name:
                self.decision = record
            case Drift() if record.stream == self.stream.name:
                self.drifts.append(record)
            case TrainingRequest() if record.stream == self.stream.name:
                self.training_requests.add(record.id, record)
            case TrainingRun() if record.stream == self.stream.name:
                self.training_runs.add(record.id, record)
            case Statistics() if record.stream == self.stream.name and record.clock == "provisional":
                self.statistics.append(record)

    def _apply_rejection(self, rejection: Rejection) -> None:
        data = rejection.data
        reason = RefusalReason(data.code, data.field or "", data.detail)
        self.events.reject(data.id, reason)
        if data.kind == "label" and (event_id := _event_of_label(data.original)) is not None:
            self.events.reject_label(event_id, reason)

    def _apply_outcomes(self, records: Iterable[RawRecord]) -> None:
        for record in records:
            try:
                outcome = _decode_outcome(record.value or b"")
            except msgspec.MsgspecError:
                continue  # its consumers dead-letter it
            if outcome.data.status != "imported":
                self.events.end(outcome.id, record.offset, expired=outcome.data.status == "expired")


class _OutcomeData(Struct):
    status: str


class _Outcome(Struct, tag_field="type", tag=OUTCOME_TYPE):
    """An outcome without its contents, which a replay of a million rows need not decode."""

    id: str
    data: _OutcomeData


class _LabelData(Struct):
    event_id: str


class _Label(Struct):
    data: _LabelData


_decode_outcome = msgspec.json.Decoder(_Outcome).decode
_decode_label = msgspec.json.Decoder(_Label).decode


def _event_of_label(original: str) -> str | None:
    """The id of the event that a rejected label is about, None where its bytes do not tell."""
    try:
        return _decode_label(base64.b64decode(original)).data.event_id
    except (msgspec.MsgspecError, ValueError):
        return None
