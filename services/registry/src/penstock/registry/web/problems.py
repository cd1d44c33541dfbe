"""Errors as RFC 9457 says them: `{type, title, status, code, detail, field}`, never an echo of what was sent."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from penstock.bus.errors import TransientError
from penstock.registry.command_results import CommandRefused
from penstock.runtime.http.problems import RETRY_AFTER, Problem, problem_response

_STATUS = {"unknown": 404, "conflict": 409, "invalid": 422}


def problem_of(error: Exception) -> Response | None:
    """What a request that failed with `error` is answered, None when the error is a fault of ours."""
    match error:
        case Problem():
            return problem_response(error)
        case CommandRefused():
            return problem_response(Problem(_STATUS[error.kind], error.code, error.detail, error.field))
        case TransientError():
            detail = f"{error}; whether it was done is unknown, the same again is safe"
            return problem_response(Problem(503, "unavailable", detail, headers=RETRY_AFTER))
        case RequestValidationError():
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"][1:])
            return problem_response(Problem(422, "invalid", str(first["msg"]), field or None))
        case HTTPException():
            code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
            return problem_response(Problem(error.status_code, code, str(error.detail)))
        case _:
            return None


async def answer_http_error(_: Request, error: Exception) -> Response:
    """What is answered where no route matched."""
    failed = Problem(500, "internal_server_error", "the registry failed; its log says more")
    return problem_of(error) or problem_response(failed)
