"""What a route takes and answers, as an operation of an OpenAPI 3.1 document.

Schemas come from the msgspec structs and pydantic models that bodies are made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from pydantic import TypeAdapter
from starlette.routing import Match, Route
from starlette.types import Scope

from penstock.contracts.refusals import STATUS
from penstock.runtime.http.problems import MEDIA_TYPE, ProblemBody

JSON = "application/json"
COMPONENTS = "#/components/schemas/"

Schema = dict[str, Any]
ProblemCodes = Mapping[int, Sequence[str]]
"""The codes of problems, by status."""


@dataclass(frozen=True)
class AnyOf:
    """A body of any of these types; msgspec tells structs apart by a tag only."""

    types: Sequence[Any]


@dataclass(frozen=True)
class BatchOf:
    """An array of 1 to `max_items` items of one type."""

    item: Any
    max_items: int


@dataclass(frozen=True)
class Parameter:
    """A parameter in the path, the query or a header; `type` has its constraints (`msgspec.Meta`)."""

    name: str
    location: Literal["path", "query", "header"]
    type: Any
    description: str
    required: bool = False


@dataclass(frozen=True)
class Answer:
    """A response that is no problem: its body's type for each media type, and its headers' descriptions."""

    description: str
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """What a route does, takes (`body`: a type for each media type) and answers (by status)."""

    summary: str
    description: str
    answers: Mapping[int, Answer]
    parameters: Sequence[Parameter] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    problems: ProblemCodes = field(default_factory=dict)

    def to_openapi(self, path: str, method: str, components: dict[str, Schema]) -> dict[str, Any]:
        """The operation object; schemas that it refers to are added to `components`."""

        def content(types: Mapping[str, Any]) -> dict[str, Any]:
            return {media_type: {"schema": schema_of(type_, components)} for media_type, type_ in types.items()}

        answers = {
            str(status): {
                "description": answer.description,
                **({"content": content(answer.body)} if answer.body else {}),
                **({"headers": headers_of(answer.headers)} if answer.headers else {}),
            }
            for status, answer in self.answers.items()
        }
        return {
            "summary": self.summary,
            "description": self.description,
            "operationId": operation_id(path, method),
            "parameters": [_parameter_object(parameter, components) for parameter in self.parameters],
            **({"requestBody": {"required": True, "content": content(self.body)}} if self.body else {}),
            "responses": answers | problem_responses(self.problems, NO_PATH if "{" in path else {}),
        }


class DocumentedRoute(Route):
    """A route that Starlette handles without FastAPI; `operation` describes it in the app's OpenAPI document."""

    def __init__(self, path: str, endpoint: Any, operation: Operation, method: str = "GET") -> None:
        super().__init__(path, endpoint, methods=[method])
        self.operation = operation
        self.method = method

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route takes a request; an encoded slash separates nothing, though servers decode it."""
        encoded = scope.get("raw_path", b"")
        return (Match.NONE, {}) if b"%" in encoded and b"%2f" in encoded.lower() else super().matches(scope)


def operation_id(path: str, method: str) -> str:
    """The id of an operation.

    >>> operation_id("/v1/streams/{stream}/events", "POST")
    'post-v1-streams-stream-events'
    """
    return "-".join([method.lower(), *path.replace("{", "").replace("}", "").strip("/").split("/")])


def problem_responses(*problems: ProblemCodes) -> dict[int | str, Any]:
    """The response objects of problems (RFC 9457), with the one that each route has: `internal`."""
    codes_by_status = merge_codes(*problems, {500: ["internal"]})
    return {str(status): _problem_response(status, codes) for status, codes in codes_by_status.items()}


def merge_codes(*problems: ProblemCodes) -> dict[int, list[str]]:
    """All codes of several, by status.

    >>> merge_codes({404: ["unknown"]}, {404: ["forgotten"], 503: ["starting"]})
    {404: ['unknown', 'forgotten'], 503: ['starting']}
    """
    merged: dict[int, list[str]] = {}
    for codes_by_status in problems:
        for status, codes in codes_by_status.items():
            merged.setdefault(status, []).extend(code for code in codes if code not in merged[status])
    return dict(sorted(merged.items()))


NO_PATH: ProblemCodes = {404: ["not_found"]}
"""The problem where a parameter in the path makes it another path."""

REFUSED_RECORD: ProblemCodes = {
    status: [code for code, its_status in STATUS.items() if its_status == status]
    for status in sorted({*STATUS.values()})
}
"""The problems of a request with a record that is refused."""


def headers_of(descriptions: Mapping[str, str]) -> dict[str, Any]:
    """The header objects of a response, whose values are text."""
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in descriptions.items()}


def schema_of(type_: Any, components: dict[str, Schema]) -> Schema:
    """The JSON schema of a type; structs that it refers to are added to `components`. A dict is a schema already."""
    match type_:
        case dict():
            return type_
        case AnyOf(types):
            return {"anyOf": [schema_of(each, components) for each in types]}
        case BatchOf(item, max_items):
            return {"type": "array", "minItems": 1, "maxItems": max_items, "items": schema_of(item, components)}
    (schema,), definitions = msgspec.json.schema_components([type_], ref_template=COMPONENTS + "{name}")
    components |= definitions
    return schema


def inline_schema_of(model: Any) -> Schema:
    """The JSON schema of a pydantic model's input, in which every definition stands where it is used."""
    schema = TypeAdapter(model).json_schema()
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        target = definitions[reference.rpartition("/")[2]] if isinstance(reference, str) else {}
        return {key: inline(value) for key, value in (target | node).items() if key != "$ref"}

    inlined: Schema = inline(schema)
    return inlined


def _parameter_object(parameter: Parameter, components: dict[str, Schema]) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.location,
        "required": parameter.required or parameter.location == "path",
        "description": parameter.description,
        "schema": schema_of(parameter.type, components),
    }


def _problem_response(status: int, codes: Sequence[str]) -> dict[str, Any]:
    schema = {
        "allOf": [
            {"$ref": COMPONENTS + ProblemBody.__name__},
            {"properties": {"status": {"const": status}, "code": {"enum": list(codes)}}},
        ]
    }
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}",
        "content": {MEDIA_TYPE: {"schema": schema}},
        **({"headers": headers_of({"Retry-After": "seconds to wait"})} if status == 503 else {}),
    }
