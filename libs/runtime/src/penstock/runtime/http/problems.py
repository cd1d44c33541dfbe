"""Problems: what went wrong with a request, as RFC 9457 has it. None repeats what was sent, except a field's name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import JSONResponse, Response

from penstock.contracts.refusals import Refusal

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "2"}
RETRY_LATER = {"Retry-After": "60"}  # a person decides when
HANG_UP = {"Connection": "close"}  # the rest of the body is not read
MAX_TEXT = 200  # characters of a field's name or a detail: a client may send a name of any length


class ProblemBody(Struct):
    """What went wrong with a request (RFC 9457): `code` for programs, `detail` for people, `field` if it is one."""

    type: str
    title: str
    status: int
    code: str
    field: str | None
    detail: str


@dataclasses.dataclass(eq=False)
class Problem(Exception):
    """A request that cannot be served; `more` are members beyond those that every problem has."""

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
        """The members of the response body.

        >>> Problem(422, "wrong_type", "expected float", "age").body()["title"]
        'Unprocessable Entity'
        """
        title = HTTPStatus(self.status).phrase
        type_ = f"urn:penstock:problem:{self.code}"
        body = ProblemBody(type_, title, self.status, self.code, self.field, self.detail)
        return {**msgspec.to_builtins(body), **self.more}


def intake_paused(detail: str = "") -> Problem:
    """A person has paused the intake of a stream; `detail` is the reason given."""
    text = f"the intake of this stream is paused{f': {detail}' if detail else ''}; nothing was taken in, send it again"
    return Problem(503, "paused", shortened(text), "stream", RETRY_LATER)


def problem_of(refusal: Refusal) -> Problem:
    """A refusal as a problem."""
    field = None if refusal.field is None else shortened(refusal.field)
    return Problem(refusal.status, refusal.code, shortened(refusal.detail), field)


def problem_response(problem: Problem) -> Response:
    """A problem as a Starlette response."""
    return JSONResponse(problem.body(), problem.status, dict(problem.headers), MEDIA_TYPE)


def shortened(text: str) -> str:
    """A text cut to 200 characters."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
