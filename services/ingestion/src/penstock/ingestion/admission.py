"""Which documents are let in: the one check, and what the edge alone can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from penstock.contracts.checks import check_events, check_label
from penstock.contracts.declaration import Declaration
from penstock.contracts.decoding import explain
from penstock.contracts.events import Event, Label
from penstock.contracts.operations import Operation, key_of, operation_of
from penstock.contracts.received import ReceivedDecoder, repeats_a_key
from penstock.contracts.refusals import Refusal
from penstock.contracts.streams import StreamDeclared
from penstock.ingestion.limits import Limits
from penstock.ingestion.shorthand import TYPES, Kind, whole


@dataclass(frozen=True, slots=True)
class Admitted:
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

    def admit(self, kind: Kind, bodies: Sequence[bytes], now: datetime) -> list[Admitted | Refusal]:
        """A verdict on each document, in order; nothing is remembered or written."""
        read = [self._read(kind, body, now) for body in bodies]
        refused = self._checked(kind, read, now)
        return [
            refused.get(place) or self._admitted(*part) if not isinstance(part, Refusal) else part
            for place, part in enumerate(read)
        ]

    def _read(self, kind: Kind, body: bytes, now: datetime) -> tuple[Event[Any] | Label, bytes] | Refusal:
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

    def _checked(
        self, kind: Kind, read: Sequence[tuple[Event[Any] | Label, bytes] | Refusal], now: datetime
    ) -> dict[int, Refusal]:
        declaration = self.stream.declaration
        records = {place: part[0] for place, part in enumerate(read) if not isinstance(part, Refusal)}
        if kind == "event" and records:
            found = check_events(declaration, [r for r in records.values() if isinstance(r, Event)], now)
            return {place: found[index] for index, place in enumerate(records) if index in found}
        return {place: fault for place, record in records.items() if (fault := _label_fault(declaration, record, now))}

    def _admitted(self, record: Event[Any] | Label, value: bytes) -> Admitted | Refusal:
        declaration = self.stream.declaration
        key = key_of(declaration, record)
        if len(key) + len(value) > self._limits.record_bytes:
            return self._too_large("event" if isinstance(record, Event) else "label")
        return Admitted(record.id, value, key, record, operation_of(declaration, record))

    def _too_large(self, kind: Kind) -> Refusal:
        return Refusal("too_large", f"expected at most {self._limits.record_bytes} bytes a record", kind=kind)


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
        return explain(error, body)
    return Refusal("duplicate_key", "an object names a key twice") if repeats_a_key(body, document) else None
