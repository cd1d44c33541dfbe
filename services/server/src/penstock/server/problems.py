"""Answers that say what is wrong with a request: RFC 9457, without repeating what was sent."""

from __future__ import annotations

from typing import Any

from penstock.contracts.refusals import Refusal


class Problem(Exception):
    """A request that cannot be answered at all; `retry_after` is in seconds."""

    def __init__(
        self, status: int, code: str, detail: str, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after
        self.body = problem_body(status, code, detail, field)

    @classmethod
    def of(cls, refusal: Refusal) -> Problem:
        """The problem that a refusal makes of a request with a single event."""
        return cls(refusal.status, refusal.code, refusal.detail, refusal.field)


def problem_body(status: int, code: str, detail: str, field: str | None = None) -> dict[str, Any]:
    """The body of a problem.

    >>> problem_body(422, "wrong_type", "expected float", "age")["title"]
    'Wrong type'
    """
    return {
        "type": f"urn:penstock:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "field": field,
        "detail": detail,
    }


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    """The body that stands for one refused event of a batch; it names the event where it could be read."""
    body = problem_body(refusal.status, refusal.code, refusal.detail, refusal.field)
    return {"id": refusal.id or None, **body}
