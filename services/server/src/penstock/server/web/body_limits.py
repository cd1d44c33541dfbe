"""Reads the body of a request, JSON or tensors, within limits of bytes and seconds."""

from __future__ import annotations

from penstock.runtime.http import request_body
from penstock.runtime.http.problems import HANG_UP, Problem
from penstock.runtime.http.raw_routes import RawRequest

MAX_BYTES = 16 << 20
MAX_SECONDS = 30.0

_MEDIA_TYPES = {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}
_CHARSETS = {"", "charset=utf-8", "charset=utf8"}


async def read_body(request: RawRequest) -> bytes:
    """Read the body of a request.

    Raises:
        Problem: it is of another media type, framed ambiguously, too large or too slow.
    """
    request_body.check_framing(request)
    if request.headers.get(b"content-type") != b"application/json" or b"content-encoding" in request.headers:
        _check_media_type(request)
    return await request_body.read_body(request, MAX_BYTES, MAX_SECONDS)


async def read_tensors(request: RawRequest) -> bytes:
    """Read the body of a request of the Open Inference Protocol, whose clients leave its media type out.

    Raises:
        Problem: as `read_body`, of a media type that is named.
    """
    request_body.check_framing(request)
    if request.header(b"content-type") not in ("", "application/octet-stream"):
        _check_media_type(request)
    return await request_body.read_body(request, MAX_BYTES, MAX_SECONDS)


def _check_media_type(request: RawRequest) -> None:
    content_type = request.header(b"content-type").lower().replace(" ", "").replace('"', "")
    media_type, _, charset = content_type.partition(";")
    if (
        media_type not in _MEDIA_TYPES
        or charset not in _CHARSETS
        or request.header(b"content-encoding", "identity") != "identity"
    ):
        detail = "expected uncompressed application/json, application/cloudevents+json or its batch, in UTF-8"
        raise Problem(415, "unsupported_media_type", detail, headers=HANG_UP)
