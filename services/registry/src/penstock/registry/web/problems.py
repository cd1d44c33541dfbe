"""What an exception of a command or a view becomes over HTTP: a problem that never repeats what was sent."""

from __future__ import annotations

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from penstock.bus.errors import TransientError
from penstock.registry.command_results import CommandRefused
from penstock.runtime.http.problems import RETRY_AFTER, Problem, problem_response

_STATUS = {"unknown": 404, "conflict": 409, "invalid": 422}


def response_to_error(error: Exception) -> Response | None:
    """The response to a request that failed with `error`, None when the error is a fault of the registry's."""
    problem = _problem_of(error)
    return None if problem is None else problem_response(problem)


def _problem_of(error: Exception) -> Problem | None:
    match error:
        case Problem():
            return error
        case CommandRefused():
            return Problem(_STATUS[error.kind], error.code, error.detail, error.field)
        case TransientError():
            detail = f"{error}; whether it was done is unknown, the same again is safe"
            return Problem(503, "unavailable", detail, headers=RETRY_AFTER)
        case RequestValidationError():
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"][1:])
            return Problem(422, "invalid", str(first["msg"]), field or None)
        case _:
            return None
