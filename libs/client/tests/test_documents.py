"""What the client reads of a service, the service's OpenAPI document names: neither can change without the other."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest

from penstock.client import predictions, receipts, views
from penstock.client.records import Record

from .conftest import Site

RENAMED = {
    "Arm": "ArmView",
    "Rollout": "RolloutView",
    "Proposal": "ProposalView",
    "RegisteredModel": "VersionView",
    "Epoch": "ModelEpoch",
    "TrainingRun": "RunView",
    "Answer": "AnswerBody",
    "Prediction": "EventResponse",
    "Model": "ModelFacts",
    "Refusal": "RefusedRecord",
}
"""Names of the documents' schemas, where they differ from those of the client."""

RECORDS = [
    record
    for module in (views, predictions, receipts)
    for record in vars(module).values()
    if inspect.isclass(record) and issubclass(record, Record) and record.__module__ == module.__name__
]


@pytest.fixture
def documents(site: Site) -> list[dict[str, Any]]:
    return [transport.app.openapi() for transport in site.transport.apps.values()]  # type: ignore[attr-defined]


async def test_every_member_is_documented(documents: list[dict[str, Any]]) -> None:
    schemas = {name: schema for document in documents for name, schema in document["components"]["schemas"].items()}
    for record in RECORDS:
        schema = schemas[RENAMED.get(record.__name__, record.__name__)]
        members = {field.encode_name: field.required for field in msgspec.structs.fields(record)}
        assert set(members) - set(schema["properties"]) == set(), record.__name__
        needed = {name for name, required in members.items() if required}
        assert needed - set(schema.get("required", ())) == set(), f"{record.__name__}: it may be absent"
