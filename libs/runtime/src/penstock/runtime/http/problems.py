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
    """A request that cannot be answered as asked; `more` are members beyond those that every problem has."""

    status: int
    code: str
    detail: str
    field: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        """The problem in one sentence."""
        return f"{self.code}: {self.detail}"

    def body(self) -> dict[str, Any]:
        """The members of the response.

        >>> Problem(422, "wrong_type", "expected float", "age").body()["title"]
        'Unprocessable Entity'
        """
        return {
            "type": f"urn:penstock:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "field": self.field,
            "detail": self.detail,
            **self.more,
        }


def problem_of(refusal: Refusal) -> Problem:
    """The problem that a refused record is."""
    field = None if refusal.field is None else shortened(refusal.field)
    return Problem(refusal.status, refusal.code, shortened(refusal.detail), field)


def problem_response(problem: Problem) -> Response:
    """The response that tells of a problem."""
    return JSONResponse(problem.body(), problem.status, dict(problem.headers), MEDIA_TYPE)


def shortened(text: str) -> str:
    """A text of at most 200 characters."""
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
