"""What a request says its body holds."""

from __future__ import annotations

from penstock.ingestion.web.request_bodies import Form, form_of
from penstock.runtime.http.problems import HANG_UP, Problem
from penstock.runtime.http.raw_routes import RawRequest
from penstock.runtime.http.request_body import check_framing


def form_of_request(asked: RawRequest) -> Form:
    """What the request says its body holds.

    Raises:
        Problem: it is nothing that we read, or its framing is ambiguous.
    """
    check_framing(asked)
    form = form_of(asked.header(b"content-type"))
    if form is None or asked.header(b"content-encoding", "identity") != "identity":
        detail = (
            "expected uncompressed application/json, application/cloudevents+json, its batch, or application/x-ndjson"
        )
        raise Problem(415, "unsupported_media_type", detail, headers=HANG_UP)
    return form
