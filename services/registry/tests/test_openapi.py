"""The OpenAPI document: it lists every route, and requests made from it are answered as it says."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from penstock.artifacts import MemoryStore, Signer, Verifier
from penstock.contracts.topics import TRAINING_RUNS
from penstock.registry.addresses import Addresses
from penstock.registry.db.engines import IN_MEMORY, open_engine
from penstock.registry.use_cases.model_commands import Rollback
from penstock.registry.use_cases.registry import BY_OPERATOR
from penstock.registry.use_cases.rollout_commands import RolloutStart
from penstock.registry.wiring import Parts, registry_of, service_of
from penstock.runtime.single_process import SingleProcess
from tests.openapi_checks import (
    check_document,
    check_documentation_page,
    restrict_parameters,
    with_health_routes,
    without_integral_floats,
)

from .conftest import DECLARATION, LOANS, Deployment
from .test_http_api import with_versions

schemathesis.openapi.media_type("application/toml", st.sampled_from([LOANS.encode(), LOANS.encode() + b"# again"]))


def document_of_loans(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what only the state of the stream `loans` says of requests to it."""
    document = copy.deepcopy(document)
    paths = document["paths"]
    restrict_parameters(
        document,
        {
            "stream": {"enum": ["loans"]},
            "version": {"examples": [2]},
            "proposal": {"enum": [1]},
            "by": {"enum": ["version"]},
        },
    )
    declaration = paths["/v1/streams/{stream}"]["put"]["requestBody"]["content"]["application/json"]
    declaration["schema"] = {"enum": [DECLARATION.model_dump(mode="json")]}  # a schema does not say what fits together
    promote, rollout = (
        paths[f"/v1/streams/{{stream}}/{name}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        for name in ("promote", "rollout")
    )
    promote["required"].append("expected_epoch")
    promote["properties"]["expected_epoch"] = promote["properties"]["expected_epoch"]["anyOf"][0]
    del promote["properties"]["digest"]
    rollout["properties"]["versions"] |= {"maxItems": 1}  # several need the mode `bandit`
    for operation in (paths["/v1/streams/{stream}/promote"]["post"], paths["/v1/streams/{stream}/rollback"]["post"]):
        operation["parameters"] = [p for p in operation["parameters"] if p["name"] != "If-Match"]  # as in the body
    return document


def build_app() -> FastAPI:
    parts = Parts(MemoryStore(), Signer(Ed25519PrivateKey.generate()), Verifier([]), open_engine(IN_MEMORY))
    resources = SingleProcess().resources()
    return with_health_routes(
        service_of(registry_of(parts, resources), Addresses("penstock", "", "", ""), resources).app
    )


APP = build_app()
api = schemathesis.openapi.from_dict(document_of_loans(APP.openapi()))


@api.hook
def map_body(_: Any, body: Any) -> Any:
    return without_integral_floats(body)


@pytest.fixture
async def app(loans: Deployment) -> FastAPI:
    await with_versions(loans)
    await loans.registry.roll_back("loans", Rollback())
    await loans.send(TRAINING_RUNS, loans.run(5))  # waits as proposal 1
    await loans.registry.start_rollout("loans", RolloutStart((2,)), BY_OPERATOR)
    return with_health_routes(loans.app)


@pytest.fixture(autouse=True)
def end_lifespans() -> Iterator[None]:
    yield
    shutdown_lifespans()


@api.parametrize()
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_requests_are_answered_as_the_document_says(case: Any, app: FastAPI) -> None:
    case.call_and_validate(app=app, excluded_checks=checks_beyond_schemas(case))


def checks_beyond_schemas(case: Any) -> list[Any]:
    """The checks that ask of a schema what it cannot say of a request."""
    steps = case.body.get("steps") if isinstance(case.body, dict) else None
    if isinstance(steps, list) and len(steps) > 1:
        return [positive_data_acceptance]  # steps rise
    if case.path == "/v1/audit/verify" and ("number" in case.query) != ("hash" in case.query):
        return [positive_data_acceptance]  # a published head is a number and a hash
    return [negative_data_rejection] if isinstance(case.body, bytes) else []  # every text that is made is TOML


async def test_the_documentation_lists_every_route_and_needs_no_other_host() -> None:
    check_document(APP)
    await check_documentation_page(APP)
