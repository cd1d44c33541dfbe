"""Operations as a document shows them: schemas from structs and models, and the problems that each route has."""

from __future__ import annotations

from typing import Annotated, Literal

import httpx
import pytest
from msgspec import Meta, Struct
from pydantic import BaseModel

from penstock.runtime.http.api_app import build_api
from penstock.runtime.http.error_handlers import ErrorDetails
from penstock.runtime.http.openapi import (
    JSON,
    Answer,
    AnyOf,
    BatchOf,
    Operation,
    Parameter,
    inline_schema_of,
    schema_of,
)
from penstock.runtime.http.problems import MEDIA_TYPE
from penstock.runtime.http.raw_routes import RawRequest, RawResponse, raw_route


class Apple(Struct):
    """An apple."""

    weight: int


class Pear(Struct):
    """A pear."""

    sort: Literal["green", "yellow"]


class Box(BaseModel):
    """A box."""

    size: int


class Crate(BaseModel):
    """Boxes."""

    boxes: list[Box]
    spare: Box | None = None


async def answer(_: RawRequest) -> RawResponse:
    return RawResponse(200, b'{"weight":1}')


WEIGH = Operation(
    "Weigh a fruit",
    "On the scales.",
    {200: Answer("an apple of that weight", {JSON: Apple}, headers={"Scales": "which scales"})},
    parameters=[
        Parameter("tree", "path", str, "the tree"),
        Parameter("most", "query", Annotated[int, Meta(ge=0)], "grams at most"),
    ],
    body={JSON: AnyOf([Apple, BatchOf(Pear, 3)])},
    problems={503: ["starting"], 404: ["unknown"]},
)
APP = build_api(
    "Fruit", "", "1", ErrorDetails("no path", "no method", "a bug"), routes=[raw_route("/trees/{tree}", answer, WEIGH)]
)


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_an_operation_has_its_parameters_bodies_and_answers() -> None:
    operation = APP.openapi()["paths"]["/trees/{tree}"]["post"]
    assert [(p["name"], p["in"], p["required"]) for p in operation["parameters"]] == [
        ("tree", "path", True),
        ("most", "query", False),
    ]
    assert operation["parameters"][1]["schema"] == {"type": "integer", "minimum": 0}
    pears = {"type": "array", "minItems": 1, "maxItems": 3, "items": reference("Pear")}
    assert operation["requestBody"]["content"][JSON]["schema"] == {"anyOf": [reference("Apple"), pears]}
    assert operation["responses"]["200"]["content"] == {JSON: {"schema": reference("Apple")}}
    assert list(operation["responses"]["200"]["headers"]) == ["Scales"]
    assert {"Apple", "Pear", "ProblemBody"} <= set(APP.openapi()["components"]["schemas"])


def test_an_operation_has_its_problems_and_those_of_every_route() -> None:
    responses = APP.openapi()["paths"]["/trees/{tree}"]["post"]["responses"]
    codes = {
        status: response["content"][MEDIA_TYPE]["schema"]["allOf"][1]["properties"]["code"]["enum"]
        for status, response in responses.items()
        if status != "200"
    }
    assert codes == {"404": ["unknown", "not_found"], "500": ["internal"], "503": ["starting"]}
    assert list(responses["503"]["headers"]) == ["Retry-After"]


@pytest.mark.parametrize("model", [Box, Crate])
def test_an_inline_schema_refers_to_nothing(model: type[BaseModel]) -> None:
    assert "$" not in str(inline_schema_of(model))


def test_an_inline_schema_has_a_definition_wherever_it_is_used() -> None:
    schema = inline_schema_of(Crate)
    assert schema["properties"]["boxes"]["items"]["properties"]["size"]["type"] == "integer"
    assert schema["properties"]["spare"]["anyOf"][0]["title"] == "Box"


def test_a_schema_stands_for_itself() -> None:
    assert schema_of({"type": "string"}, {}) == {"type": "string"}


async def test_the_routes_that_are_documented_are_served_beside_the_documentation() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://fruit") as client:
        assert (await client.post("/trees/1")).json() == {"weight": 1}
        assert (await client.get("/trees/1")).headers["allow"] == "POST"
        assert (await client.get("/openapi.json")).json() == APP.openapi()
        assert "swagger-ui" in (await client.get("/docs")).text
        assert (await client.get("/", follow_redirects=True)).url.path == "/docs"
        assert (await client.get("/redoc")).status_code == 404
