"""Checks of a batch's records one by one, without the state: each as of its own log-append time."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from penstock.artifacts.seal import Seal
from penstock.bus.ports import MAX_RECORD_BYTES
from penstock.contracts.batch import Batch
from penstock.contracts.checks.event_check import check_events
from penstock.contracts.checks.label_check import check_label
from penstock.contracts.codecs.received_decoder import Received
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.operations import keys_of
from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal
from penstock.validator.raw_record import cloudevent_json, from_milliseconds, log_append_time
from penstock.validator.sealed_answers import forged_answer

Refusals = dict[int, Refusal]
"""Refusals by the index of the record in its batch."""


def check_batch(batch: Batch[Received], seal: Seal | None) -> Refusals:
    """The refusals of the records that fail a check."""
    declared = batch.required_stream
    refusals = {index: record for index, record in enumerate(batch.records) if isinstance(record, Refusal)}
    refusals |= _oversized(batch)
    events = {index: record for index, record in enumerate(batch.records) if isinstance(record, Event)}
    refusals |= _invalid_events(declared.declaration, batch, events)
    for index, event in events.items():
        if event.answer is not UNSET and index not in refusals:
            forged = forged_answer(seal, declared.name, event)
            if forged:
                refusals[index] = forged
    refusals |= _invalid_labels(declared.declaration, batch)
    return refusals


def _oversized(batch: Batch[Received]) -> Refusals:
    detail = f"expected at most {MAX_RECORD_BYTES} bytes of key and value"
    declaration = batch.declaration
    large = [
        index for index, raw in enumerate(batch.raw) if raw.headers or 2 * len(raw.value or b"") > MAX_RECORD_BYTES
    ]
    return {
        index: _refuse(batch.records[index], "too_large", detail)
        for index in large  # any other record is small enough: its key is a part of its value
        if _is_oversized(declaration, batch.records[index], cloudevent_json(batch.raw[index]))
    }


def _is_oversized(declaration: Declaration, record: Received, value: bytes) -> bool:
    key = b"" if isinstance(record, Refusal) else keys_of(declaration, [record])[0]
    return len(key) + len(value) > MAX_RECORD_BYTES


def _refuse(record: Received, code: str, detail: str) -> Refusal:
    kind = "label" if isinstance(record, Label) else "event" if isinstance(record, Event) else record.kind
    return Refusal(code, detail, kind=kind, source=record.source, id=record.id)


def _invalid_events(declaration: Declaration, batch: Batch[Received], events: dict[int, Event[Any]]) -> Refusals:
    """Check all events at once as of the batch's earliest time; those too far ahead of it again as of their own."""
    if not events:
        return {}
    indices = list(events)
    earliest = min([batch.raw[index].timestamp for index in indices])
    at_earliest = check_events(declaration, list(events.values()), from_milliseconds(earliest))
    refusals = {indices[number]: refusal for number, refusal in at_earliest.items()}
    for index in [index for index, refusal in refusals.items() if refusal.code == "clock_skew"]:
        at_own_time = check_events(declaration, [events[index]], log_append_time(batch.raw[index])).get(0)
        if at_own_time is None:
            del refusals[index]
        else:
            refusals[index] = at_own_time
    return refusals


def _invalid_labels(declaration: Declaration, batch: Batch[Received]) -> Refusals:
    return {
        index: refusal
        for index, record in enumerate(batch.records)
        if isinstance(record, Label)
        and (refusal := check_label(declaration, record, log_append_time(batch.raw[index]))) is not None
    }
