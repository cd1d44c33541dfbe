"""Which documents are admitted: the contracts' checks, and those that only ingestion can make."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeGuard

import msgspec
from msgspec import Struct

from penstock.contracts.checks.event_check import check_events
from penstock.contracts.checks.label_check import check_label
from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.contracts.codecs.duplicate_keys import has_duplicate_key
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.operations import Operation, keys_of, operations_of
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.ingestion.limits import Limits
from penstock.ingestion.shorthand import SOURCE, TYPES, RecordKind, cloud_event_of, cloud_event_of_parsed
from penstock.runtime.http.event_parser import EventParser, ParsedEvent, event_of
from penstock.runtime.http.value_count import MOST_VALUES, TOO_MANY_VALUES, has_more_values

_Decoded = tuple[Event[Any] | Label, bytes]
"""A record and its bytes."""


class AdmittedRecord(Struct, frozen=True, gc=False):
    """A record that may be written to the log: its bytes, its key, and the operation it stands for."""

    id: str
    value: bytes
    key: bytes
    record: Event[Any] | Label
    operation: Operation


class Admission:
    """The check of one stream's records by one version of its declaration."""

    def __init__(self, stream: StreamDeclared, limits: Limits) -> None:
        self.stream = stream
        self._limits = limits
        self._decode = ReceivedDecoder(stream).decode
        self._parser = EventParser(stream.declaration)

    def admit(self, kind: RecordKind, documents: Sequence[bytes], now: datetime) -> list[AdmittedRecord | Refusal]:
        """A verdict on each document, in order; nothing is remembered or written."""
        if kind == "event":
            decoded = self._decode_events(documents, now)
        else:
            decoded = [self._decode_document(kind, document, now) for document in documents]
        refusals = self._check(kind, decoded, now)
        admitted = iter(self._admitted([d for index, d in enumerate(decoded) if _is_valid(d, index, refusals)]))
        return [
            d if isinstance(d, Refusal) else refusals[index] if index in refusals else next(admitted)
            for index, d in enumerate(decoded)
        ]

    def _decode_events(self, documents: Sequence[bytes], now: datetime) -> list[_Decoded | Refusal]:
        """Decode events: in one pass when all are valid, else each by itself."""
        default_time, max_bytes = msgspec.json.encode(now), self._limits.record_bytes
        parsed: Sequence[ParsedEvent[Any] | None] | None = None
        if len(documents) > 1:
            parsed = self._parser.parse_lines(documents)
        if parsed is None:
            parsed = [self._parser.parse(d) if self._too_large("event", d) is None else None for d in documents]
        return [
            self._decode_document("event", document, now)
            if event is None or event.id is msgspec.UNSET or len(document) > max_bytes
            else (event_of(event, SOURCE, _no_default_id, now), cloud_event_of_parsed(event, document, default_time))
            for event, document in zip(parsed, documents, strict=True)
        ]

    def _decode_document(self, kind: RecordKind, document: bytes, now: datetime) -> _Decoded | Refusal:
        too_large = self._too_large(kind, document)
        if too_large is not None:
            return too_large
        if not _is_utf8(document):
            return Refusal("malformed", "expected UTF-8")
        value = cloud_event_of(kind, document, now)
        if isinstance(value, Refusal):
            return value
        record = self._decode(value)
        if isinstance(record, Refusal):
            return record
        if isinstance(record, Label) != (kind == "label"):
            return Refusal("unknown_schema_version", f"expected the type {TYPES[kind]}", "type", kind, id=record.id)
        return _check_whole_document(document) or (record, value)

    def _check(self, kind: RecordKind, decoded: Sequence[_Decoded | Refusal], now: datetime) -> dict[int, Refusal]:
        """Why records are refused by the contracts' checks, by index."""
        declaration = self.stream.declaration
        records = {index: d[0] for index, d in enumerate(decoded) if not isinstance(d, Refusal)}
        if kind == "event" and records:
            refusals = check_events(declaration, [r for r in records.values() if isinstance(r, Event)], now)
            return {index: refusals[number] for number, index in enumerate(records) if number in refusals}
        return {index: refusal for index, r in records.items() if (refusal := _check_label(declaration, r, now))}

    def _admitted(self, decoded: Sequence[_Decoded]) -> list[AdmittedRecord | Refusal]:
        declaration, max_bytes = self.stream.declaration, self._limits.record_bytes
        records = [record for record, _ in decoded]
        operations = operations_of(declaration, records)
        keys = keys_of(declaration, records)
        return [
            AdmittedRecord(record.id, value, key, record, operation)
            if len(key) + len(value) <= max_bytes
            else self._too_many_bytes("event" if isinstance(record, Event) else "label")
            for (record, value), key, operation in zip(decoded, keys, operations, strict=True)
        ]

    def _too_large(self, kind: RecordKind, document: bytes) -> Refusal | None:
        if len(document) > self._limits.record_bytes:
            return self._too_many_bytes(kind)
        if has_more_values(document, MOST_VALUES):
            return Refusal("too_large", TOO_MANY_VALUES, kind=kind)
        return None

    def _too_many_bytes(self, kind: RecordKind) -> Refusal:
        return Refusal("too_large", f"expected at most {self._limits.record_bytes} bytes a record", kind=kind)


def _is_valid(decoded: _Decoded | Refusal, index: int, refusals: dict[int, Refusal]) -> TypeGuard[_Decoded]:
    return not isinstance(decoded, Refusal) and index not in refusals


def _no_default_id() -> str:
    raise LookupError("an event must have an id")


def _is_utf8(document: bytes) -> bool:
    if document.isascii():
        return True
    try:
        document.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _check_label(declaration: Declaration, record: Event[Any] | Label, now: datetime) -> Refusal | None:
    return check_label(declaration, record, now) if isinstance(record, Label) else None


def _check_whole_document(document: bytes) -> Refusal | None:
    """Refuse what a decoder of the declared fields does not see: duplicate keys, and bad JSON in undeclared fields."""
    try:
        content = msgspec.json.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return refusal_of(error, document)
    return Refusal("duplicate_key", "an object names a key twice") if has_duplicate_key(document, content) else None
