"""The validator: each record of `received` goes to `events`, `labels` or `rejected`, or is dropped as a duplicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from penstock.artifacts.seal import Seal
from penstock.bus.state.share_level import ShareLevel
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.codecs.received_decoder import Received
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.operations import EVENT_WINDOW, conflict_of, key_of, operations_of
from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal
from penstock.contracts.topics import ALERTS, EVENTS, LABELS, REJECTED
from penstock.validator.awaited_events import awaited_headers
from penstock.validator.batch_checks import Refusals, check_batch
from penstock.validator.dedupe import Dedupe, TimedOperation
from penstock.validator.operation_state import Kind
from penstock.validator.raw_record import cloudevent_json
from penstock.validator.rejected_share import rejected_alert
from penstock.validator.rejections import rejection_of

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
        new, conflicts = self._deduplicate(batch, _valid_records(batch, refusals))
        refusals |= conflicts
        self._count_rejected(len(refusals))
        self._count_duplicates(len(batch.records) - len(refusals) - len(new))
        events = [index for index, record in new.items() if isinstance(record, Event)]
        labels = [index for index, record in new.items() if isinstance(record, Label)]
        outputs = [
            _forward(EVENTS, batch, events, new),
            _forward(LABELS, batch, labels, new),
            _reject(batch, refusals),
            self._alert(batch, refusals),
        ]
        return [output for output in outputs if output.records]

    def _alert(self, batch: Batch[Received], refusals: Refusals) -> AnyOutputs:
        change = self._rejected.update(len(batch.records), len(refusals))
        alerts = [] if change is None else [rejected_alert(batch, refusals, change)]
        keys = [batch.required_stream.name.encode()] * len(alerts)
        return Outputs(ALERTS, None, alerts, keys, causes=range(len(alerts)))

    def _deduplicate(self, batch: Batch[Received], records: Records) -> tuple[Records, Refusals]:
        """The records of new operations, and the refusals of those that contradict an earlier one."""
        declaration = batch.declaration
        operations = [
            TimedOperation(operation, "event" if isinstance(record, Event) else "label", batch.raw[index].timestamp)
            for (index, record), operation in zip(
                records.items(), operations_of(declaration, list(records.values())), strict=True
            )
        ]
        verdicts = dict(zip(records, self._dedupe.judge(operations, _windows(declaration)), strict=True))
        new = {index: records[index] for index, verdict in verdicts.items() if verdict == "new"}
        conflicts = [index for index, verdict in verdicts.items() if verdict == "conflict"]
        return new, {index: conflict_of(declaration, records[index]) for index in conflicts}


def _valid_records(batch: Batch[Received], refusals: Refusals) -> Records:
    return {
        index: record
        for index, record in enumerate(batch.records)
        if index not in refusals and not isinstance(record, Refusal)
    }


def _windows(declaration: Declaration) -> dict[Kind, int]:
    """How long the name of an operation is kept, in ms of log-append time."""
    windows: dict[Kind, timedelta] = {"event": EVENT_WINDOW, "label": declaration.label.horizon}
    return {kind: window // timedelta(milliseconds=1) for kind, window in windows.items()}


def _forward(topic: Any, batch: Batch[Received], indices: Sequence[int], records: Records) -> AnyOutputs:
    """The bytes as they came, under the key that orders the stream, whatever key they came with."""
    declaration = batch.declaration
    keys = [key_of(declaration, records[index]) for index in indices]
    values = [cloudevent_json(batch.raw[index]) for index in indices]
    headers = awaited_headers(batch, indices, records)
    return Outputs(topic, batch.required_stream.name, values, keys, causes=indices, headers=headers)


def _reject(batch: Batch[Received], refusals: Refusals) -> AnyOutputs:
    indices = sorted(refusals)
    records = [rejection_of(refusals[index], batch.records[index], batch.raw[index]) for index in indices]
    keys = [batch.raw[index].key for index in indices]
    return Outputs(REJECTED, batch.required_stream.name, records, keys, partition=batch.partition, causes=indices)
