"""What a batch's records show by themselves, each judged at its own log-append time."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from penstock.artifacts.seal import Seal
from penstock.bus.ports import LARGEST_RECORD
from penstock.contracts.batch import Batch
from penstock.contracts.checks import check_events, check_label
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.operations import key_of
from penstock.contracts.received_decoder import Received
from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal
from penstock.validator.original_record import logged_at, moment, whole
from penstock.validator.sealed_answers import forged_answer


def refusals_in(batch: Batch[Received], seal: Seal | None) -> dict[int, Refusal]:
    """The refusals among the batch's records, by their place."""
    declared = batch.declared
    refused = {place: record for place, record in enumerate(batch.records) if isinstance(record, Refusal)}
    refused |= _oversized(batch)
    events = {place: record for place, record in enumerate(batch.records) if isinstance(record, Event)}
    refused |= _bad_events(declared.declaration, batch, events)
    for place, event in events.items():
        if event.answer is not UNSET and place not in refused:
            forged = forged_answer(seal, declared.name, event)
            if forged:
                refused[place] = forged
    refused |= _bad_labels(declared.declaration, batch)
    return refused


def _oversized(batch: Batch[Received]) -> dict[int, Refusal]:
    detail = f"expected at most {LARGEST_RECORD} bytes of key and value"
    declaration = batch.declared.declaration
    large = [place for place, raw in enumerate(batch.raw) if raw.headers or 2 * len(raw.value or b"") > LARGEST_RECORD]
    return {
        place: _refuse(batch.records[place], "too_large", detail)
        for place in large  # of any other record even twice the value is not: the key is a part of it
        if _is_oversized(declaration, batch.records[place], whole(batch.raw[place]))
    }


def _is_oversized(declaration: Declaration, record: Received, value: bytes) -> bool:
    key = b"" if isinstance(record, Refusal) else key_of(declaration, record)
    return len(key) + len(value) > LARGEST_RECORD


def _refuse(record: Received, code: str, detail: str) -> Refusal:
    kind = "label" if isinstance(record, Label) else "event" if isinstance(record, Event) else record.kind
    return Refusal(code, detail, kind=kind, source=record.source, id=record.id)


def _bad_events(declaration: Declaration, batch: Batch[Received], events: dict[int, Event[Any]]) -> dict[int, Refusal]:
    """All are checked at once, at the batch's earliest time; whoever seems too far ahead then, at its own."""
    if not events:
        return {}
    places = list(events)
    earliest = min([batch.raw[place].timestamp for place in places])
    found = check_events(declaration, list(events.values()), moment(earliest))
    refused = {places[index]: refusal for index, refusal in found.items()}
    for place in [place for place, refusal in refused.items() if refusal.code == "clock_skew"]:
        again = check_events(declaration, [events[place]], logged_at(batch.raw[place])).get(0)
        if again is None:
            del refused[place]
        else:
            refused[place] = again
    return refused


def _bad_labels(declaration: Declaration, batch: Batch[Received]) -> dict[int, Refusal]:
    return {
        place: refusal
        for place, record in enumerate(batch.records)
        if isinstance(record, Label)
        and (refusal := check_label(declaration, record, logged_at(batch.raw[place]))) is not None
    }
