"""From bytes to records, a batch at a time: one decode of the joined batch, and one by one where that fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError

from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.refusals import Refusal

R = TypeVar("R")
C = TypeVar("C", bound=ControlRecord)
Decode = Callable[[Sequence[RawRecord]], list[Any]]
"""Decodes raw records; a place in the result holds the record, or `Unreadable`."""


def decode_structs(record_type: Any) -> Decode:
    """A decoder of JSON records of one msgspec type."""
    decoder = msgspec.json.Decoder(record_type)

    def decode(raw: Sequence[RawRecord]) -> list[Any]:
        records = decode_lines(decoder, raw)
        return [_decode_struct(decoder.decode, record.value) for record in raw] if records is None else records

    return decode


def decode_lines(decoder: Any, raw: Sequence[RawRecord]) -> list[Any] | None:
    """The values decoded at once, or None when they must be looked at one by one: one cannot be decoded.

    A value with a line break in it counts as such: joined with others it could pass for two, or two for one.
    """
    lines = b"\n".join([record.value or b"" for record in raw])
    if lines.count(b"\n") != len(raw) - 1:
        return None
    try:
        records: list[Any] = decoder.decode_lines(lines)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return records if len(records) == len(raw) else None


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
    except (ValueError, OverflowError, RecursionError) as error:
        return Unreadable(_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error) or type(error).__name__


def encode(record: Any) -> bytes:
    """The bytes of a record: as they are, a CloudEvent from a struct, or from a control record."""
    if isinstance(record, bytes):
        return record
    if isinstance(record, ControlRecord):
        return record.to_json()
    return _encode_struct(record)


_encode_struct = msgspec.json.Encoder().encode

_PATH = re.compile(r" - at `\$\.?(data\.)?(.*)`$", re.DOTALL)
_NAMED = re.compile(r"field `(.+?)`(?: - at `|$)", re.DOTALL)
LONGEST_NAME = 200  # characters of an undeclared field's name that are told back


def decode_refusal(error: Exception, value: bytes) -> Refusal:
    """What is wrong with `value`, which a strict decode refused with `error`, in words that do not repeat it."""
    if isinstance(error, msgspec.ValidationError):
        return _explain_mismatch(str(error))
    return _explain_syntax(value)


def _explain_mismatch(message: str) -> Refusal:
    path = _PATH.search(message)
    field = path.group(2) if path and path.group(2) else None
    attribute = field if path and not path.group(1) else None
    named = _NAMED.search(message)
    if "missing required field" in message and named:
        return Refusal("missing_field", f"the field {named.group(1)!r} is required", named.group(1))
    if "unknown field" in message and named:
        return Refusal("extra_field", "this field is not declared", named.group(1)[:LONGEST_NAME])
    if attribute == "type":
        return Refusal("unknown_schema_version", f"known types are {', '.join(KNOWN_TYPES)}", "type")
    if attribute == "specversion":
        return Refusal("unknown_schema_version", "expected the CloudEvents specversion 1.0", "specversion")
    if attribute == "time":
        return Refusal("bad_time", "expected an RFC 3339 time with a zone, as 2026-01-31T12:00:00Z", "time")
    if attribute == "id":
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
