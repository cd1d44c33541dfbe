"""Reading a request's body, bounded in size and time."""

from __future__ import annotations

from penstock.runtime.http import request_body
from penstock.runtime.http.problems import HANG_UP, Problem
from penstock.runtime.http.raw_routes import RawRequest

LARGEST_BODY = 16 << 20  # bytes
READ_WITHIN = 30.0  # seconds

_MEDIA_TYPES = {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}
_CHARSETS = {"", "charset=utf-8", "charset=utf8"}


async def read_body(asked: RawRequest) -> bytes:
    """The body of a request that is to hold JSON.

    Raises:
        Problem: it is of another type, framed ambiguously, too large, or does not end.
    """
    request_body.check_framing(asked)
    if asked.headers.get(b"content-type") != b"application/json" or b"content-encoding" in asked.headers:
        _check_type(asked)
    return await request_body.read_body(asked, LARGEST_BODY, READ_WITHIN)


def _check_type(asked: RawRequest) -> None:
    said = asked.header(b"content-type").lower().replace(" ", "").replace('"', "")
    media_type, _, charset = said.partition(";")
    if (
        media_type not in _MEDIA_TYPES
        or charset not in _CHARSETS
        or asked.header(b"content-encoding", "identity") != "identity"
    ):
        detail = "expected uncompressed application/json, application/cloudevents+json or its batch, in UTF-8"
        raise Problem(415, "unsupported_media_type", detail, headers=HANG_UP)
