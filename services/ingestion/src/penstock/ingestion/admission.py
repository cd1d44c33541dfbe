"""Which documents are let in: the one check, and what the edge alone can see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeGuard

import msgspec
from msgspec import Struct

from penstock.contracts.checks import check_events, check_label
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.decoding import decode_refusal
from penstock.contracts.operations import Operation, key_of, operations_of
from penstock.contracts.received_decoder import ReceivedDecoder, has_duplicate_key
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.ingestion.limits import Limits
from penstock.ingestion.shorthand import SOURCE, TYPES, Kind, whole, whole_event
from penstock.runtime.http.event_parser import EventParser, ParsedEvent, event_of

_Read = tuple[Event[Any] | Label, bytes] | Refusal  # a record and its bytes


class Admitted(Struct, frozen=True, gc=False):
    """A record that may go onto the log: its bytes, its key, and the operation it stands for."""

    id: str
    value: bytes
    key: bytes
    record: Event[Any] | Label
    operation: Operation


class Admission:
    """The check of one stream's records at one version of its declaration."""

    def __init__(self, stream: StreamDeclared, limits: Limits) -> None:
        self.stream = stream
        self._limits = limits
        self._decode = ReceivedDecoder(stream).decode
        self._one_pass = EventParser(stream.declaration)

    def admit(self, kind: Kind, bodies: Sequence[bytes], now: datetime) -> list[Admitted | Refusal]:
        """A verdict on each document, in order; nothing is remembered or written."""
        read = self._events(bodies, now) if kind == "event" else [self._read(kind, body, now) for body in bodies]
        refused = self._checked(kind, read, now)
        fit = iter(self._admitted([part for place, part in enumerate(read) if _is_fit(part, place, refused)]))
        return [
            part if isinstance(part, Refusal) else refused[place] if place in refused else next(fit)
            for place, part in enumerate(read)
        ]

    def _events(self, bodies: Sequence[bytes], now: datetime) -> list[_Read]:
        """What the documents say: decoded in one pass when all is well, by themselves where something is not."""
        found: Sequence[ParsedEvent[Any] | None] | None = self._one_pass.lines(bodies) if len(bodies) > 1 else None
        if found is None:
            found = [self._one_pass.one(body) for body in bodies]
        time, most = msgspec.json.encode(now), self._limits.record_bytes
        return [
            self._read("event", body, now)
            if said is None or said.id is msgspec.UNSET or len(body) > most
            else (event_of(said, SOURCE, _no_id, now), whole_event(said, body, time))
            for said, body in zip(found, bodies, strict=True)
        ]

    def _read(self, kind: Kind, body: bytes, now: datetime) -> _Read:
        if len(body) > self._limits.record_bytes:
            return self._too_large(kind)
        value = whole(kind, body, now) if _is_text(body) else Refusal("malformed", "expected UTF-8")
        if isinstance(value, Refusal):
            return value
        record = self._decode(value)
        if isinstance(record, Refusal):
            return record
        if isinstance(record, Label) != (kind == "label"):
            return Refusal("unknown_schema_version", f"expected the type {TYPES[kind]}", "type", kind, id=record.id)
        return _flawed(body) or (record, value)

    def _checked(self, kind: Kind, read: Sequence[_Read], now: datetime) -> dict[int, Refusal]:
        declaration = self.stream.declaration
        records = {place: part[0] for place, part in enumerate(read) if not isinstance(part, Refusal)}
        if kind == "event" and records:
            found = check_events(declaration, [r for r in records.values() if isinstance(r, Event)], now)
            return {place: found[index] for index, place in enumerate(records) if index in found}
        return {place: fault for place, record in records.items() if (fault := _label_fault(declaration, record, now))}

    def _admitted(self, fit: Sequence[tuple[Event[Any] | Label, bytes]]) -> list[Admitted | Refusal]:
        declaration, most = self.stream.declaration, self._limits.record_bytes
        records = [record for record, _ in fit]
        operations = operations_of(declaration, records)
        keys = [key_of(declaration, record) for record in records]
        return [
            Admitted(record.id, value, key, record, operation)
            if len(key) + len(value) <= most
            else self._too_large("event" if isinstance(record, Event) else "label")
            for (record, value), key, operation in zip(fit, keys, operations, strict=True)
        ]

    def _too_large(self, kind: Kind) -> Refusal:
        return Refusal("too_large", f"expected at most {self._limits.record_bytes} bytes a record", kind=kind)


def _is_fit(part: _Read, place: int, refused: dict[int, Refusal]) -> TypeGuard[tuple[Event[Any] | Label, bytes]]:
    return not isinstance(part, Refusal) and place not in refused


def _no_id() -> str:
    raise LookupError("an event brings its id")


def _is_text(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _label_fault(declaration: Declaration, record: Event[Any] | Label, now: datetime) -> Refusal | None:
    return check_label(declaration, record, now) if isinstance(record, Label) else None


def _flawed(body: bytes) -> Refusal | None:
    """What a strict decode of the declared fields does not see: keys named twice, and nonsense in undeclared ones."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return decode_refusal(error, body)
    return Refusal("duplicate_key", "an object names a key twice") if has_duplicate_key(body, document) else None
