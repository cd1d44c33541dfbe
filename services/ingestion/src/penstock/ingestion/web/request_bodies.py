"""From a request's body to the documents in it, one for each record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

import msgspec

from penstock.contracts.decoding import decode_refusal
from penstock.contracts.received_decoder import has_duplicate_key
from penstock.contracts.refusals import Refusal

Form = Literal["json", "one", "array", "lines"]

FORMS: dict[str, Form] = {
    "application/json": "json",
    "application/cloudevents+json": "one",
    "application/cloudevents-batch+json": "array",
    "application/x-ndjson": "lines",
}
"""What each content type holds; `json` is one document, or an array of them."""

_item = msgspec.json.Decoder(msgspec.Raw).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a body, each one in JSON; a batch is answered per document."""

    bodies: Sequence[bytes]
    batch: bool


@lru_cache(maxsize=256)
def form_of(content_type: str) -> Form | None:
    """What a body of this content type holds, None when we do not read it.

    >>> form_of("Application/JSON; charset=UTF-8")
    'json'
    >>> form_of("application/json; charset=utf-16") is None
    True
    """
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [value.strip('" ') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    return FORMS.get(media_type) if all(charset in ("utf-8", "utf8") for charset in charsets) else None


def documents_in(form: Form, body: bytes) -> Documents | Refusal:
    """Take a body apart; a refusal when it is not even a list of documents."""
    if form == "lines":
        return Documents([line for line in map(bytes.strip, body.split(b"\n")) if line], batch=True)
    if form == "array" or (form == "json" and body.lstrip(b" \t\r\n").startswith(b"[")):
        return _array(body)
    return Documents([body], batch=False)


def _array(body: bytes) -> Documents | Refusal:
    try:
        return Documents([bytes(item) for item in _items(body)], batch=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _lenient_array(body) or decode_refusal(error, body)


def _lenient_array(body: bytes) -> Documents | None:
    """The items of an array in which some spell what no record may hold, as NaN: only those shall be refused."""
    try:
        items = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or has_duplicate_key(body, items):
        return None
    return Documents([json.dumps(item).encode() for item in items], batch=True)


def in_binary_mode(headers: Mapping[str, str], body: bytes) -> Documents | Refusal:
    """A CloudEvent whose attributes are HTTP headers `ce-…` as one document (CloudEvents' HTTP binding, section 3.1).

    >>> in_binary_mode({"ce-specversion": "1.0", "ce-id": "a%20b", "accept": "*/*"}, b'{"x": 1}').bodies
    [b'{"specversion":"1.0","id":"a b","data":{"x": 1}}']
    """
    attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    try:
        data = _item(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return decode_refusal(error, body)
    return Documents([msgspec.json.encode({**attributes, "data": data})], batch=False)
