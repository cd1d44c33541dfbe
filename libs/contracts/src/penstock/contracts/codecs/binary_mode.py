"""CloudEvents in binary mode: the attributes are record headers, and the value is the data alone."""

from __future__ import annotations

from typing import Any

import msgspec

from penstock.contracts.batch import RawRecord
from penstock.contracts.records.events import EVENT_TYPE


def is_binary_mode(record: RawRecord) -> bool:
    """Whether the record is a CloudEvent in binary mode."""
    return bool(record.headers) and any(name == "ce_specversion" for name, _ in record.headers)


def to_structured_mode(record: RawRecord) -> bytes:
    """A record in binary mode as one CloudEvent in JSON format (CloudEvents' Kafka binding, section 3.2).

    Raises:
        ValueError: a header is repeated or is not UTF-8, or the value is not one JSON document.
    """
    attributes = [(name, value) for name, value in record.headers if name.startswith("ce_")]
    names = [name for name, _ in attributes]
    if len(set(names)) != len(names):
        raise ValueError("a CloudEvents header is repeated")
    envelope: dict[str, Any] = {name[3:]: (value or b"").decode("utf-8") for name, value in attributes}
    envelope.setdefault("type", EVENT_TYPE)
    envelope["data"] = _one_document(record.value or b"null")
    return msgspec.json.encode(envelope)


def _one_document(value: bytes) -> msgspec.Raw:
    """The value as it is, if it is one document: one that ended the data early would add attributes of its own."""
    try:
        return msgspec.json.decode(value, type=msgspec.Raw).copy()
    except msgspec.DecodeError as error:
        raise ValueError("expected one JSON document in UTF-8") from error
