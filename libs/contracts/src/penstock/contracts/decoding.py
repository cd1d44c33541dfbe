"""From bytes to records, a batch at a time: one decode of the joined batch, and one by one where that fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.control import ControlRecord
from penstock.contracts.refusals import Refusal

R = TypeVar("R")
C = TypeVar("C", bound=ControlRecord)
Decode = Callable[[Sequence[RawRecord]], list[Any]]
"""Decodes raw records; a place in the result holds the record, or `Unreadable`."""


def decode_structs(record_type: Any) -> Decode:
    """A decoder of JSON records of one msgspec type."""
    many = msgspec.json.Decoder(list[record_type]).decode
    one = msgspec.json.Decoder(record_type).decode

    def decode(raw: Sequence[RawRecord]) -> list[Any]:
        joined = join_values(raw)
        if joined is not None:
            try:
                records = many(joined)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass
            else:
                if len(records) == len(raw):
                    return records
        return [_decode_struct(one, record.value) for record in raw]

    return decode


def join_values(raw: Sequence[RawRecord]) -> bytes | None:
    """The values as one JSON array, or None when one of them is null."""
    values = [record.value for record in raw if record.value is not None]
    return b"[" + b",".join(values) + b"]" if len(values) == len(raw) else None


def _decode_struct(decode: Callable[[bytes], Any], value: bytes | None) -> Any:
    if value is None:
        return Unreadable("the value is null")
    try:
        return decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Unreadable(str(error) or type(error).__name__)


def decode_control(record_type: type[C]) -> Decode:
    """A decoder of control-plane records of one type."""

    def decode(raw: Sequence[RawRecord]) -> list[Any]:
        return [_decode_control(record_type, record.value) for record in raw]

    return decode


def _decode_control(record_type: type[C], value: bytes | None) -> C | Unreadable:
    if value is None:
        return Unreadable("the value is null")
    try:
        return record_type.from_json(value)
    except (ValueError, RecursionError) as error:
        return Unreadable(str(error).splitlines()[0])


def encode(record: Any) -> bytes:
    """The bytes of a record: as they are, a CloudEvent from a struct, or from a control record."""
    if isinstance(record, bytes):
        return record
    if isinstance(record, ControlRecord):
        return record.to_json()
    return _encode_struct(record)


_encode_struct = msgspec.json.Encoder().encode

_PATH = re.compile(r" - at `\$\.?(?:data\.)?([^`]*)`$")
_NAMED = re.compile(r"field `([^`]+)`")


def explain(error: Exception, value: bytes) -> Refusal:
    """What is wrong with `value`, which a strict decode refused with `error`, in words that do not repeat it."""
    if isinstance(error, msgspec.ValidationError):
        return _explain_mismatch(str(error))
    return _explain_syntax(value)


def _explain_mismatch(message: str) -> Refusal:
    path = _PATH.search(message)
    field = path.group(1) if path and path.group(1) else None
    named = _NAMED.search(message)
    if "missing required field" in message and named:
        return Refusal("missing_field", f"the field {named.group(1)!r} is required", named.group(1))
    if "unknown field" in message and named:
        return Refusal("extra_field", f"the field {named.group(1)!r} is not declared", named.group(1))
    if field == "type":
        return Refusal("unknown_schema_version", f"known types are {', '.join(KNOWN_TYPES)}", "type")
    if field == "time":
        return Refusal("bad_time", "expected an RFC 3339 time with a zone, as 2026-01-31T12:00:00Z", "time")
    if field == "id":
        return Refusal("bad_id", "expected an id of 1 to 512 characters", "id")
    if "Number out of range" in message or "out of range" in message:
        return Refusal("not_finite", "expected a number that a 64-bit float can hold", field)
    if "Invalid enum value" in message:
        return Refusal("unknown_category", "expected one of the declared categories", field)
    expected = re.match(r"Expected `([^`]+)`", message)
    return Refusal("wrong_type", f"expected {expected.group(1) if expected else 'another type'}", field)


KNOWN_TYPES = ("penstock.event.v1", "penstock.label.v1")


def _explain_syntax(value: bytes) -> Refusal:
    """Tell numbers and text that JSON can spell but nothing can hold from what is no JSON at all."""
    found: list[str] = []
    try:
        text = value.decode("utf-8")
        document = json.loads(text, parse_constant=found.append)
    except (ValueError, RecursionError) as error:
        if "integer string conversion" in str(error):
            return Refusal("not_finite", "expected a number that a 64-bit float can hold")
        return Refusal("malformed", "expected one JSON document in UTF-8")
    if found:
        return Refusal("not_finite", "NaN and Infinity are no numbers; leave the field out, or send null")
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return Refusal("bad_text", "a text holds half a surrogate pair")
    except RecursionError:
        return Refusal("malformed", "nested too deep")
    return Refusal("not_finite", "expected a number that a 64-bit float can hold")
