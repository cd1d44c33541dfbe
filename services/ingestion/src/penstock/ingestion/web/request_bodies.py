"""From a request's body to the documents in it, one for each record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

import msgspec

from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.runtime.http.body_slices import array_slices, first_documents, line_slices
from penstock.runtime.http.problems import HANG_UP, Problem, problem_of
from penstock.runtime.http.raw_routes import RawRequest
from penstock.runtime.http.request_body import check_framing

BodyFormat = Literal["json", "one", "array", "lines"]

BODY_FORMATS: dict[str, BodyFormat] = {
    "application/json": "json",
    "application/cloudevents+json": "one",
    "application/cloudevents-batch+json": "array",
    "application/x-ndjson": "lines",
}
"""The format of each content type; `json` is one document, or an array of them."""

_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a body, each in JSON; the response to a batch has a verdict on each."""

    texts: Sequence[bytes]
    is_batch: bool


def request_format(request: RawRequest) -> BodyFormat:
    """The format of the request's body, by its headers.

    Raises:
        Problem: it is none that ingestion reads, or the framing is ambiguous.
    """
    check_framing(request)
    body_format = format_of_content_type(request.header(b"content-type"))
    if body_format is None or request.header(b"content-encoding", "identity") != "identity":
        detail = (
            "expected uncompressed application/json, application/cloudevents+json, its batch, or application/x-ndjson"
        )
        raise Problem(415, "unsupported_media_type", detail, headers=HANG_UP)
    return body_format


@lru_cache(maxsize=256)
def format_of_content_type(content_type: str) -> BodyFormat | None:
    """The format of bodies of this content type, None when ingestion does not read it.

    >>> format_of_content_type("Application/JSON; charset=UTF-8")
    'json'
    >>> format_of_content_type("application/json; charset=utf-16") is None
    True
    """
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [value.strip('" ') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    return BODY_FORMATS.get(media_type) if all(charset in ("utf-8", "utf8") for charset in charsets) else None


async def split_body(body_format: BodyFormat, body: bytes, max_documents: int) -> Documents:
    """Split a body into its documents: of one with more than `max_documents`, some more than that.

    Raises:
        Problem: it is not even a list of documents.
    """
    if body_format == "lines":
        return Documents(await first_documents(line_slices(body), max_documents), is_batch=True)
    if body_format == "array" or (body_format == "json" and body.lstrip(b" \t\r\n").startswith(b"[")):
        return Documents(await first_documents(array_slices(body), max_documents), is_batch=True)
    return Documents([body], is_batch=False)


def join_binary_mode(headers: Mapping[str, str], body: bytes) -> Documents:
    """A CloudEvent whose attributes are HTTP headers `ce-…` as one document (CloudEvents' HTTP binding, section 3.1).

    >>> join_binary_mode({"ce-specversion": "1.0", "ce-id": "a%20b", "accept": "*/*"}, b'{"x": 1}').texts
    [b'{"specversion":"1.0","id":"a b","data":{"x": 1}}']

    Raises:
        Problem: the body is no JSON.
    """
    attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    try:
        data = _decode_raw(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise problem_of(refusal_of(error, body)) from error
    return Documents([msgspec.json.encode({**attributes, "data": data})], is_batch=False)
