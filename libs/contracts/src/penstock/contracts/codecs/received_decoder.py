"""The decoder of `received`: what producers send, in any form CloudEvents allows, strict as the stream declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.codecs.binary_mode import is_binary_mode, to_structured_mode
from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.contracts.codecs.record_codec import decode_lines
from penstock.contracts.records.events import LABEL_TYPE, Event, Label
from penstock.contracts.records.payloads import sent_payload_type
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal

Received = Event[Any] | Label | Refusal


class ReceivedDecoder:
    """Decodes the topic `received` of one stream.

    A record becomes an `Event`, a `Label`, a `Refusal` if it does not fit the declaration, or `Unreadable` if it is
    not JSON.
    """

    def __init__(self, stream: StreamDeclared) -> None:
        record_type: Any = Event[sent_payload_type(stream.declaration)] | Label  # type: ignore[misc]
        self._decoder = msgspec.json.Decoder(record_type)
        self._entity = stream.declaration.entity

    def __call__(self, raw: Sequence[RawRecord]) -> list[Received | Unreadable]:
        """Decode n raw records into a list of n, in the same order."""
        records = None
        if not any(is_binary_mode(record) for record in raw):
            records = decode_lines(self._decoder, raw)
        return [self._decode_raw(record) for record in raw] if records is None else records

    def _decode_raw(self, record: RawRecord) -> Received | Unreadable:
        if record.value is None:
            return Unreadable("the value is null")
        try:
            value = to_structured_mode(record) if is_binary_mode(record) else record.value
        except (ValueError, RecursionError) as error:
            return Unreadable(str(error) or "nested too deep")
        decoded = self.decode(value)
        if isinstance(decoded, Refusal) and decoded.code == "malformed":
            return Unreadable(decoded.detail)
        return decoded

    def decode(self, value: bytes) -> Received:
        """Decode one record in JSON format."""
        try:
            record: Event[Any] | Label = self._decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return self._with_identity(refusal_of(error, value), value)
        return record

    def _with_identity(self, refusal: Refusal, value: bytes) -> Refusal:
        """The refusal with the record's own kind, source, id and entity, as far as they can be read."""
        try:
            document = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return refusal
        if not isinstance(document, dict):
            return refusal
        is_label = document.get("type") == LABEL_TYPE
        data, field = document.get("data"), "entity" if is_label else self._entity
        entity = data.get(field) if isinstance(data, dict) and field else None
        return refusal.of_record(
            "label" if is_label else "event",
            _id_text(document.get("source")),
            _id_text(document.get("id")),
            _id_text(entity) or None,
        )


def _id_text(value: Any) -> str:
    return value[:512] if isinstance(value, str) else ""
