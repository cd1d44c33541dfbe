"""The validator: each record of `received` goes to `events`, `labels` or `rejected`, or is dropped as a duplicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from penstock.artifacts.seal import Seal
from penstock.bus.state.share_level import ShareLevel
from penstock.contracts.batch import AnyOutputs, Batch, Outputs, RawRecord
from penstock.contracts.codecs.received_decoder import Received
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.operations import EVENT_WINDOW, conflict_of, keys_of, operations_of
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.rejections import Rejection, rejection_of
from penstock.contracts.refusals import Refusal
from penstock.contracts.topics import ALERTS, EVENTS, LABELS, REJECTED
from penstock.validator.awaited_events import awaited_headers
from penstock.validator.batch_checks import Refusals, check_batch
from penstock.validator.dedupe import Dedupe
from penstock.validator.operation_state import Kind
from penstock.validator.raw_record import cloudevent_json, log_append_time
from penstock.validator.rejected_share import rejected_alert

Count = Callable[[int], None]
Records = Mapping[int, Event[Any] | Label]
"""Records by their index in the batch."""


class Validator:
    """Validates one partition of one stream. Without a `seal` an event must not bring an answer."""

    def __init__(
        self, seal: Seal | None, dedupe: Dedupe, rejected: ShareLevel, count_rejected: Count, count_duplicates: Count
    ) -> None:
        self._seal = seal
        self._dedupe = dedupe
        self._rejected = rejected
        self._count_rejected = count_rejected
        self._count_duplicates = count_duplicates

    def handle(self, batch: Batch[Received]) -> list[AnyOutputs]:
        """What to write for a batch; within each topic in the order of the batch."""
        refusals = check_batch(batch, self._seal)
        valid_events, valid_labels = _valid_records(batch, refusals, Event), _valid_records(batch, refusals, Label)
        events, event_conflicts = self._deduplicate("event", batch, valid_events)
        labels, label_conflicts = self._deduplicate("label", batch, valid_labels)
        refusals |= event_conflicts | label_conflicts
        self._count_rejected(len(refusals))
        self._count_duplicates(len(batch.records) - len(refusals) - len(events) - len(labels))
        outputs = [
            _forward(EVENTS, batch, events),
            _forward(LABELS, batch, labels),
            _reject(batch, refusals),
            self._alert(batch, refusals),
        ]
        return [output for output in outputs if output.records]

    def _alert(self, batch: Batch[Received], refusals: Refusals) -> AnyOutputs:
        change = self._rejected.update(len(batch.records), len(refusals))
        alerts = [] if change is None else [rejected_alert(batch, refusals, change)]
        keys = [batch.required_stream.name.encode()] * len(alerts)
        return Outputs(ALERTS, None, alerts, keys, causes=range(len(alerts)))

    def _deduplicate(self, kind: Kind, batch: Batch[Received], records: Records) -> tuple[Records, Refusals]:
        """The records of new operations, and the refusals of those that contradict an earlier one."""
        declaration = batch.declaration
        operations = operations_of(declaration, list(records.values()))
        times = [batch.raw[index].timestamp for index in records]
        verdicts = self._dedupe.judge(kind, operations, times, _window(declaration, kind))
        judged = list(zip(records.items(), verdicts, strict=True))
        new = {index: record for (index, record), verdict in judged if verdict == "new"}
        conflicts = {
            index: conflict_of(declaration, record) for (index, record), verdict in judged if verdict == "conflict"
        }
        return new, conflicts


def _valid_records(batch: Batch[Received], refusals: Refusals, kind: type[Any]) -> Records:
    return {
        index: record
        for index, record in enumerate(batch.records)
        if isinstance(record, kind) and index not in refusals
    }


def _window(declaration: Declaration, kind: Kind) -> int:
    """How long the name of an operation is kept, in ms of log-append time."""
    window = EVENT_WINDOW if kind == "event" else declaration.label.horizon
    return window // timedelta(milliseconds=1)


def _forward(topic: Any, batch: Batch[Received], records: Records) -> AnyOutputs:
    """The bytes as they came, under the key that orders the stream, whatever key they came with."""
    indices = list(records)
    keys = keys_of(batch.declaration, list(records.values()))
    values = [cloudevent_json(batch.raw[index]) for index in indices]
    headers = awaited_headers(batch, indices, records)
    return Outputs(topic, batch.required_stream.name, values, keys, causes=indices, headers=headers)


def _reject(batch: Batch[Received], refusals: Refusals) -> AnyOutputs:
    indices = sorted(refusals)
    records = [_rejection(refusals[index], batch.records[index], batch.raw[index]) for index in indices]
    keys = [batch.raw[index].key for index in indices]
    return Outputs(REJECTED, batch.required_stream.name, records, keys, partition=batch.partition, causes=indices)


def _rejection(refusal: Refusal, record: Received, raw: RawRecord) -> Rejection:
    """The rejection of one record. It depends on the log alone, so handling the record again writes the same."""
    time = log_append_time(raw) if isinstance(record, Refusal) else record.time
    return rejection_of(refusal, cloudevent_json(raw), time, "penstock/validator")
