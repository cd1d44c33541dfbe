"""Errors as RFC 9457 says them: `{type, title, status, code, detail, field}`, never an echo of what was sent."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from penstock.bus.errors import TransientError
from penstock.registry.changes import CommandRefused

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

_STATUS = {"unknown": 404, "conflict": 409, "invalid": 422}


class Problem(Exception):
    """A request that cannot be answered as asked."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


def answer(status: int, code: str, detail: str, field: str | None = None) -> JSONResponse:
    """A problem as a response."""
    body = {
        "type": f"https://penstock.dev/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **({"field": field} if field else {}),
    }
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def problem_of(error: Exception) -> JSONResponse | None:
    """What a request that failed with `error` is answered, None when the error is a fault of ours."""
    match error:
        case Problem():
            return answer(error.status, error.code, error.detail, error.field)
        case CommandRefused():
            return answer(_STATUS[error.kind], error.code, error.detail, error.field)
        case TransientError():
            return answer(503, "unavailable", f"{error}; whether it was done is unknown, the same again is safe")
        case RequestValidationError():
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"][1:])
            return answer(422, "invalid", str(first["msg"]), field or None)
        case HTTPException():
            code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
            return answer(error.status_code, code, str(error.detail))
        case _:
            return None


async def answer_http_error(_: Request, error: Exception) -> JSONResponse:
    """What is answered where no route matched."""
    return problem_of(error) or answer(500, "internal_server_error", "the registry failed; its log says more")
