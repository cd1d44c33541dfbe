"""`received`: what producers sent, in any form CloudEvents allows, read strictly by the stream's declaration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.decoding import decode_lines, decode_refusal
from penstock.contracts.records.events import EVENT_TYPE, LABEL_TYPE, Event, Label, data_type
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal

Received = Event[Any] | Label | Refusal


class ReceivedDecoder:
    """Decodes `received` of one stream: an `Event`, a `Label`, a `Refusal` where it says something impossible, or
    `Unreadable` where it is no JSON.
    """

    def __init__(self, stream: StreamDeclared) -> None:
        record: Any = Event[data_type(stream.declaration)] | Label  # type: ignore[misc]
        self._decoder = msgspec.json.Decoder(record)
        self._entity = stream.declaration.entity

    def __call__(self, raw: Sequence[RawRecord]) -> list[Received | Unreadable]:
        """Decode a batch; the i-th result belongs to the i-th record."""
        records = None
        if not any(is_binary_mode(record) for record in raw):
            records = decode_lines(self._decoder, raw)
        return [self._decode(record) for record in raw] if records is None else records

    def _decode(self, record: RawRecord) -> Received | Unreadable:
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
            return self._named(decode_refusal(error, value), value)
        return record

    def _named(self, refusal: Refusal, value: bytes) -> Refusal:
        """The refusal with whatever the record says of its own identity."""
        try:
            document = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return refusal
        if not isinstance(document, dict):
            return refusal
        data = document.get("data")
        place = self._entity if document.get("type") != LABEL_TYPE else "entity"
        entity = data.get(place) if isinstance(data, dict) and place else None
        return Refusal(
            refusal.code,
            refusal.detail,
            refusal.field,
            kind="label" if document.get("type") == LABEL_TYPE else "event",
            source=_text(document.get("source")),
            id=_text(document.get("id")),
            entity=_text(entity) or None,
        )


def _text(value: Any) -> str:
    return value[:512] if isinstance(value, str) else ""


def is_binary_mode(record: RawRecord) -> bool:
    """Whether the CloudEvents attributes are in the headers, and the value is the data alone."""
    return bool(record.headers) and any(name == "ce_specversion" for name, _ in record.headers)


def to_structured_mode(record: RawRecord) -> bytes:
    """A record in binary mode as one CloudEvent in JSON format (CloudEvents' Kafka binding, section 3.2).

    Raises:
        ValueError: an attribute stands twice or is not UTF-8, or the value is not one JSON document.
    """
    attributes = [(name, value) for name, value in record.headers if name.startswith("ce_")]
    names = [name for name, _ in attributes]
    if len(set(names)) != len(names):
        raise ValueError("a CloudEvents header stands twice")
    envelope: dict[str, Any] = {name[3:]: (value or b"").decode("utf-8") for name, value in attributes}
    envelope.setdefault("type", EVENT_TYPE)
    envelope["data"] = _one_document(record.value or b"null")
    return msgspec.json.encode(envelope)


def _one_document(value: bytes) -> msgspec.Raw:
    """The value as it is: one that ended the data early would write attributes of its own."""
    try:
        return msgspec.json.decode(value, type=msgspec.Raw).copy()
    except msgspec.DecodeError as error:
        raise ValueError("expected one JSON document in UTF-8") from error


_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?')


def has_duplicate_key(body: bytes, documents: Any) -> bool:
    """Whether an object in the JSON text `body` names a key twice: it spells more keys than `documents` holds.

    >>> repeats_a_key(b'{"a": 1, "a": 2}', {"a": 2})
    True
    """
    spelled = sum(1 for colon in _TOKEN.findall(body) if colon)
    return spelled != _count_keys(documents)


def _count_keys(document: Any) -> int:
    if isinstance(document, dict):
        return len(document) + sum(_count_keys(value) for value in document.values())
    if isinstance(document, list):
        return sum(_count_keys(item) for item in document)
    return 0
