"""The OpenAPI document: it lists every route, and requests made from it are answered as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.limits import LIMITS as DEFAULT_LIMITS
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.web import query
from penstock.ingestion.wiring import build
from penstock.runtime.single_process import SingleProcess
from tests.openapi_checks import (
    check_document,
    check_documentation_page,
    restrict_parameters,
    with_health_routes,
    without_integral_floats,
)

from .conftest import LIMITS, build_service
from .test_answer_cache import prediction

LABELS = "/v1/streams/{stream}/labels"
LISTEN = "/v1/streams/{stream}/predictions"
MAX_WAIT_MS = 5
BATCH_LIMIT = 5  # records: the document generates batches of one more
FORGETFUL = replace(LIMITS, batch_records=BATCH_LIMIT, recent_operations=0)  # no conflict with an earlier request

LOAN_FIELDS = {
    "type": "object",
    "properties": {
        "customer": {"type": "string", "minLength": 1, "maxLength": 512},
        "amount": {"type": ["number", "null"], "minimum": 0, "maximum": 1e100},
        "terms": {"type": ["integer", "null"]},
    },
    "required": ["customer"],
    "additionalProperties": False,
}
LOAN_LABEL: dict[str, Any] = {
    "value": {"enum": ["no", "yes", "false", "true", False, True]},
    "entity": {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 512}, {"type": ["number", "boolean"]}]},
}
LOAN_PARAMETERS: dict[str, Any] = {
    "stream": {"enum": ["loans"]},
    "id": {"examples": ["answered"]},
    "wait": {"maximum": MAX_WAIT_MS},
}

lines = st.integers(1, BATCH_LIMIT).map(lambda count: b'{"id": "a", "data": {"customer": "c"}}\n' * count)
schemathesis.openapi.media_type("application/x-ndjson", lines)


def document_of_loans(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what the declaration of the stream `loans` adds to it."""
    text = json.dumps(document)
    document = json.loads(text.replace(f'"maxItems": {DEFAULT_LIMITS.batch_records}', f'"maxItems": {BATCH_LIMIT}'))
    schemas = document["components"]["schemas"]
    schemas["EventData"] = LOAN_FIELDS
    for name in ("EventCloudEvent", "EventShorthand"):
        # no external model, no history
        for attribute in ("prediction", "modelversion", "probabilities", "label", "labeltime"):
            schemas[name]["properties"].pop(attribute, None)
    for name in ("LabelData", "LabelShorthand"):
        schemas[name]["properties"] |= LOAN_LABEL
        schemas[name]["required"].append("entity")
    schemas["LabelData"]["properties"]["entity"] = LOAN_LABEL["entity"]["anyOf"][0]
    restrict_parameters(document, LOAN_PARAMETERS)
    del document["paths"][LABELS]["post"]["requestBody"]["content"]["application/x-ndjson"]  # the lines are events
    return document


APP = with_health_routes(build(IngestionSettings(), SingleProcess().resources()).app)
api = schemathesis.openapi.from_dict(document_of_loans(APP.openapi()))


@api.hook
def map_body(_: Any, body: Any) -> Any:
    return without_integral_floats(body)


@pytest.fixture(params=["loans"])  # without a parameter all operations have one test id, and xdist runs one of them
async def app(monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(query, "MAX_WAIT_MS", MAX_WAIT_MS)
    cache = AnswerCache()
    cache.add("loans", "prediction", prediction("answered"))
    service, _, _ = await build_service(FORGETFUL, cache=cache)
    return with_health_routes(service.app)


@pytest.fixture(autouse=True)
def end_lifespans() -> Iterator[None]:
    yield
    shutdown_lifespans()


@api.parametrize()
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_requests_are_answered_as_the_document_says(case: Any, app: FastAPI) -> None:
    excluded = []
    if isinstance(case.body, list | bytes):  # a batch is accepted with what is good in it, and cannot wait
        excluded = [negative_data_rejection, *([positive_data_acceptance] if case.query else [])]
    case.call_and_validate(app=app, excluded_checks=excluded, timeout=0.2 if case.path == LISTEN else None)


async def test_the_documentation_lists_every_route_and_needs_no_other_host() -> None:
    check_document(APP)
    await check_documentation_page(APP)
