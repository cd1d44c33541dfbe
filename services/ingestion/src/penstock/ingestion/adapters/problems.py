"""What went wrong with a request, as RFC 9457 has it. No answer repeats what was sent, but for the name of a field."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse, Response

from penstock.contracts.refusals import Refusal

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "2"}
HANG_UP = {"Connection": "close"}  # the rest of the body is not read
LONGEST_NAME = 200  # characters of a field's name: what was sent may be its own name


@dataclasses.dataclass(eq=False)
class Problem(Exception):
    """An answer other than 202; `more` are members beyond those that every problem has."""

    status: int
    code: str
    detail: str
    field: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def problem_of(refusal: Refusal) -> Problem:
    """The problem that a refused record is."""
    return Problem(refusal.status, refusal.code, shortened(refusal.detail), shortened(refusal.field))


def undelivered() -> Problem:
    """The broker did not acknowledge in time."""
    detail = "the log did not confirm: whether it has the records is unknown; the same ids are safe to send again"
    return Problem(503, "outcome_unknown", detail, headers=RETRY_AFTER)


def answer(problem: Problem) -> Response:
    """The response that tells of a problem."""
    body = {
        "type": f"urn:penstock:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "field": problem.field,
        "detail": problem.detail,
        **problem.more,
    }
    return JSONResponse(body, problem.status, dict(problem.headers), MEDIA_TYPE)


def shortened(text: Any) -> Any:
    """A text of at most 200 characters, None as it is."""
    return text if text is None or len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
