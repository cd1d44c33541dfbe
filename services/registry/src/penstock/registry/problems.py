"""Errors as RFC 9457 says them: `{type, title, status, code, detail, field}`, never an echo of what was sent."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
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


def answer_with_problems(app: FastAPI) -> None:
    """Let every error of `app` be answered as a problem."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return answer(error.status, error.code, error.detail, error.field)

    @app.exception_handler(CommandRefused)
    async def _refused(_: Request, error: CommandRefused) -> JSONResponse:
        return answer(_STATUS[error.kind], error.code, error.detail, error.field)

    @app.exception_handler(TransientError)
    async def _away(_: Request, error: TransientError) -> JSONResponse:
        return answer(503, "unavailable", f"{error}; whether it was done is unknown, the same again is safe")

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return answer(400, "bad_json", "the body is not valid JSON")
        field = ".".join(str(part) for part in first["loc"][1:])
        return answer(422, "invalid", str(first["msg"]).removeprefix("Value error, "), field or None)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
        return answer(error.status_code, code, str(error.detail))
