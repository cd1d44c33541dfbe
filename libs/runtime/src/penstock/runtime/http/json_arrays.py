"""Splitting a body that is a JSON array into the documents in it."""

from __future__ import annotations

import json

import msgspec

from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.contracts.codecs.duplicate_keys import has_duplicate_key
from penstock.runtime.http.problems import problem_of

_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def split_array(body: bytes) -> list[bytes]:
    """The items of an array, each in JSON.

    >>> split_array(b'[{"x": 1.50}, 7]')
    [b'{"x": 1.50}', b'7']

    Raises:
        Problem: the body is no array.
    """
    try:
        return [bytes(item) for item in _decode_array(body)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        items = _split_leniently(body)
        if items is None:
            raise problem_of(refusal_of(error, body)) from error
        return items


def _split_leniently(body: bytes) -> list[bytes] | None:
    """Split an array in which some items hold what no record may, such as NaN: only those shall be refused."""
    try:
        items = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or has_duplicate_key(body, items):
        return None
    return [json.dumps(item).encode() for item in items]
