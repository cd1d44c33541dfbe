"""`received`: what producers sent, in any form CloudEvents allows, read strictly by the stream's declaration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.decoding import explain, join_values
from penstock.contracts.events import EVENT_TYPE, LABEL_TYPE, Event, Label, data_type
from penstock.contracts.refusals import Refusal
from penstock.contracts.streams import StreamDeclared

Received = Event[Any] | Label | Refusal


class ReceivedDecoder:
    """Decodes `received` of one stream: an `Event`, a `Label`, a `Refusal` where it says something impossible, or
    `Unreadable` where it is no JSON.
    """

    def __init__(self, stream: StreamDeclared) -> None:
        record: Any = Event[data_type(stream.declaration)] | Label  # type: ignore[misc]
        self._many = msgspec.json.Decoder(list[record]).decode
        self._one = msgspec.json.Decoder(record).decode
        self._entity = stream.declaration.entity

    def __call__(self, raw: Sequence[RawRecord]) -> list[Received | Unreadable]:
        """Decode a batch; the i-th result belongs to the i-th record."""
        joined = join_values(raw)
        if joined is not None and not any(_is_binary_mode(record) for record in raw):
            try:
                records: list[Received | Unreadable] = self._many(joined)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                records = []
            if len(records) == len(raw):
                return records
        return [self._decode(record) for record in raw]

    def _decode(self, record: RawRecord) -> Received | Unreadable:
        if record.value is None:
            return Unreadable("the value is null")
        try:
            value = _structured(record) if _is_binary_mode(record) else record.value
        except (ValueError, RecursionError) as error:
            return Unreadable(str(error) or "nested too deep")
        decoded = self.decode(value)
        if isinstance(decoded, Refusal) and decoded.code == "malformed":
            return Unreadable(decoded.detail)
        return decoded

    def decode(self, value: bytes) -> Received:
        """Decode one record in JSON format."""
        try:
            record: Event[Any] | Label = self._one(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return self._named(explain(error, value), value)
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


def _is_binary_mode(record: RawRecord) -> bool:
    return any(name == "ce_specversion" for name, _ in record.headers)


def _structured(record: RawRecord) -> bytes:
    """CloudEvents' Kafka binding, section 3.2: the attributes are headers `ce_…`, the value is the data."""
    attributes = [(name, value) for name, value in record.headers if name.startswith("ce_")]
    names = [name for name, _ in attributes]
    if len(set(names)) != len(names):
        raise ValueError("a CloudEvents header stands twice")
    envelope: dict[str, Any] = {name[3:]: value.decode("utf-8") for name, value in attributes}
    envelope.setdefault("type", EVENT_TYPE)
    envelope["data"] = msgspec.Raw(record.value or b"null")
    return msgspec.json.encode(envelope)


_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?')


def repeats_a_key(body: bytes, documents: Any) -> bool:
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
