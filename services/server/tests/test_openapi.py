"""The OpenAPI document: it lists every route, and requests made from it are answered as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import negative_data_rejection

from penstock.artifacts import MemoryStore, Seal, Verifier
from penstock.runtime.single_process import SingleProcess
from penstock.server.models.model_loader import ModelLoader
from penstock.server.settings import HttpSettings
from penstock.server.web import request_bodies
from penstock.server.wiring import build_http
from tests.openapi_checks import (
    check_document,
    check_documentation_page,
    restrict_parameters,
    with_health_routes,
    without_integral_floats,
)

from .conftest import Deployment, FakeRegistry
from .test_open_inference import PERSON, REGION

BATCH_LIMIT = 5  # events: the document generates arrays of one more
LOAN_FIELDS = {
    "type": "object",
    "properties": {
        "person": {"type": "string", "minLength": 1, "maxLength": 512},
        "income": {"type": ["number", "null"], "minimum": 0, "maximum": 1e100},
        "region": {"type": ["string", "null"]},
    },
    "required": ["person"],
    "additionalProperties": False,
}
TENSORS = [[PERSON], [PERSON, REGION]]


def document_of_loans(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what the declaration of the stream `loans` adds to it."""
    text = json.dumps(document)
    document = json.loads(text.replace(f'"maxItems": {request_bodies.MAX_EVENTS}', f'"maxItems": {BATCH_LIMIT}'))
    schemas = document["components"]["schemas"]
    schemas["EventData"] = LOAN_FIELDS
    schemas["InferRequest"]["properties"]["inputs"] = {"enum": TENSORS}  # no schema says that shape and data agree
    restrict_parameters(document, {"stream": {"enum": ["loans"]}})
    return document


def build_app() -> FastAPI:
    loader = ModelLoader(MemoryStore(), Verifier([]))
    http = build_http(HttpSettings(), SingleProcess().resources(), loader, Seal(bytes(32)))
    return with_health_routes(http.app)


with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
    environment.setenv("BENTOML_HOME", folder)
    APP = build_app()
api = schemathesis.openapi.from_dict(document_of_loans(APP.openapi()))


@api.hook
def map_body(_: Any, body: Any) -> Any:
    return without_integral_floats(body)


@pytest.fixture(params=["loans"])  # without a parameter all operations have one test id, and xdist runs one of them
async def app(deployment: Deployment, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(request_bodies, "MAX_EVENTS", BATCH_LIMIT)
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    assert deployment.http is not None
    return with_health_routes(deployment.http.app)


@pytest.fixture(autouse=True)
def end_lifespans() -> Iterator[None]:
    yield
    shutdown_lifespans()


@api.parametrize()
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_requests_are_answered_as_the_document_says(case: Any, app: FastAPI) -> None:
    is_array = isinstance(case.body, list)  # answered with a problem for each bad event
    case.call_and_validate(app=app, excluded_checks=[negative_data_rejection] if is_array else [])


async def test_the_documentation_lists_every_route_and_needs_no_other_host() -> None:
    check_document(APP)
    await check_documentation_page(APP)
