"""Records from bytes, a batch at a time, and bytes from a record.

A batch is decoded with one call; where that fails, its records are decoded one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError

from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.records.control import ControlRecord

C = TypeVar("C", bound=ControlRecord)
Decode = Callable[[Sequence[RawRecord]], list[Any]]
"""Decodes n raw records into a list of n: the record, or `Unreadable`, at the same index."""


def struct_decoder(record_type: Any) -> Decode:
    """A decoder of JSON records of one msgspec type."""
    decoder = msgspec.json.Decoder(record_type)

    def decode(raw: Sequence[RawRecord]) -> list[Any]:
        records = decode_lines(decoder, raw)
        return [_decode_struct(decoder.decode, record.value) for record in raw] if records is None else records

    return decode


def decode_lines(decoder: Any, raw: Sequence[RawRecord]) -> list[Any] | None:
    """All values decoded with one call, or None if a value cannot be decoded: then they must be decoded one by one.

    A value that holds a line break counts as such: joined with others it could pass for two, or two for one.
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


def control_decoder(record_type: type[C]) -> Decode:
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
    """The bytes of a record as they go on the log: a structured CloudEvent; bytes stay as they are."""
    if isinstance(record, bytes):
        return record
    if isinstance(record, ControlRecord):
        return record.to_json()
    return _encode_struct(record)


_encode_struct = msgspec.json.Encoder().encode
