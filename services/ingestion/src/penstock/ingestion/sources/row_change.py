"""What a message says: a row was written, updated or deleted. A plain JSON message writes a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.contracts.codecs.duplicate_keys import has_duplicate_key
from penstock.ingestion.sources.mapping_refusal import MappingRefusal
from penstock.ingestion.sources.message_time import time_of_number

Row = dict[str, Any]

_OPERATIONS: dict[object, Literal["written", "updated", "deleted"]] = {
    "c": "written",
    "r": "written",  # read by a snapshot
    "u": "updated",
    "d": "deleted",
}


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row as it is `after` a change; `before` it, where the message says so, and the `time` of the change."""

    kind: Literal["written", "updated", "deleted"]
    after: Row
    before: Row | None = None
    time: datetime | None = None


def read_json(document: bytes) -> RowChange:
    """The row that a plain JSON message is.

    Raises:
        MappingRefusal: it is no JSON object.
    """
    return RowChange("written", _object(_decode(document), "the message"))


def read_debezium(document: bytes) -> RowChange:
    """The change that a Debezium envelope tells of, with or without its schema.

    Raises:
        MappingRefusal: it is no envelope, or its change is none of a row.
    """
    envelope = _object(_decode(document), "the message")
    if "op" not in envelope and "payload" in envelope:
        envelope = _object(envelope["payload"], "payload")
    if "op" not in envelope:
        raise MappingRefusal("missing_field", "expected a Debezium envelope, with `op`", "op")
    operation = envelope["op"]
    kind = _OPERATIONS.get(operation) if isinstance(operation, str) else None
    if kind is None:
        raise MappingRefusal("unmapped_change", "expected the change of a row: `op` is c, r, u or d", "op")
    before = envelope.get("before")
    after = {} if kind == "deleted" else _object(envelope.get("after"), "after")
    return RowChange(kind, after, before if isinstance(before, dict) else None, _time_of(envelope))


def _time_of(envelope: Row) -> datetime | None:
    """When the database made the change; where that is not told, when Debezium read it."""
    origin = envelope.get("source")
    for part in (origin if isinstance(origin, dict) else {}, envelope):
        milliseconds = part.get("ts_ms")
        if isinstance(milliseconds, int) and not isinstance(milliseconds, bool):
            return time_of_number(milliseconds, "epoch-milliseconds")
    return None


def _decode(document: bytes) -> Any:
    try:
        content = msgspec.json.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        refusal = refusal_of(error, document)
        raise MappingRefusal(refusal.code, refusal.detail, refusal.field) from error
    if has_duplicate_key(document, content):
        raise MappingRefusal("duplicate_key", "an object names a key twice")
    return content


def _object(value: Any, name: str) -> Row:
    if not isinstance(value, dict):
        raise MappingRefusal("wrong_type", f"expected an object as {name}")
    return value
