"""What the OpenAPI document says of routes beyond what FastAPI knows: bodies that the registry reads, and problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.runtime.http.openapi import (
    JSON,
    ProblemCodes,
    Schema,
    headers_of,
    inline_schema_of,
    problem_responses,
)

NO_STREAM: ProblemCodes = {404: ["unknown_stream", "not_found"]}
NO_VERSION: ProblemCodes = {404: ["unknown_stream", "unknown_version", "not_found"]}
UNSERVABLE: ProblemCodes = {409: ["archived_version", "untrusted_version"]}
STALE: ProblemCodes = {409: ["stale_epoch"]}

ETAG = headers_of({"ETag": "the stream's epoch"})

_ALWAYS: ProblemCodes = {422: ["invalid"], 503: ["unavailable"]}
_COMMAND: ProblemCodes = {400: ["bad_json"], 409: ["idempotency_key_reused"], 413: ["too_large"]}


def view(*problems: ProblemCodes, **answers: Any) -> dict[str, Any]:
    """The documentation of a view; `answers` are members of its answer, such as `headers`."""
    return {"responses": problem_responses(*problems, _ALWAYS) | ({"200": answers} if answers else {})}


def command(body: type, *problems: ProblemCodes, required: bool = True) -> dict[str, Any]:
    """The documentation of a command whose body is `body` in JSON; it may be left out unless `required`."""
    return with_body({JSON: inline_schema_of(body)}, _COMMAND, *problems, required=required)


def with_body(
    content: Mapping[str, Schema], *problems: ProblemCodes, required: bool = True, created: type | None = None
) -> dict[str, Any]:
    """The documentation of a route with a body, by media type; `created` is the answer under 201, if there is one."""
    schemas = {media_type: {"schema": schema} for media_type, schema in content.items()}
    answers = {} if created is None else {"201": {"model": created, "description": "created"}}
    return {
        "openapi_extra": {"requestBody": {"required": required, "content": schemas}},
        "responses": problem_responses(*problems, _ALWAYS) | answers,
    }
