"""docs/asyncapi.json: it says what the table of topics says, and examples fit it. `make asyncapi` validates it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from penstock.contracts.documents.asyncapi import asyncapi_document
from penstock.contracts.documents.json_schema import record_types
from penstock.contracts.topics import TOPICS

EXAMPLES = {
    cloud_type: json.loads((Path(__file__).parents[1] / f"examples/{cloud_type}.json").read_text())
    for cloud_type in record_types()
}
DOCUMENT = asyncapi_document("1.0", EXAMPLES)
MESSAGES = DOCUMENT["components"]["messages"]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def resolve(reference: str) -> Any:
    part: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]
    return part


def test_every_reference_leads_somewhere() -> None:
    assert len({reference for reference in references(DOCUMENT) if resolve(reference)}) > 100


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: f"{topic.plane} {topic.short_name}")
def test_each_topic_is_a_channel_with_its_address_records_and_services(topic: Any) -> None:
    stream = None if topic.plane == "control" else "loans"
    (name,) = [
        name
        for name, channel in DOCUMENT["channels"].items()
        if channel["address"].format(namespace="penstock", stream="loans") == topic.name("penstock", stream)
    ]
    assert tuple(DOCUMENT["channels"][name]["messages"]) == topic.record_types
    operations = {
        (operation["action"], operation["tags"][0]["name"].replace("-", " "))
        for operation in DOCUMENT["operations"].values()
        if operation["channel"]["$ref"] == f"#/channels/{name}"
    }
    sends = {("send", service.replace("-", " ")) for service in topic.producers}
    assert operations - sends == {("receive", s.replace("-", " ")) for s in (*topic.consumers, *topic.followers)}
    assert sends <= operations


@pytest.mark.parametrize("name", MESSAGES)
def test_the_example_of_a_record_fits_its_schema_and_one_without_data_does_not(name: str) -> None:
    registry: Registry[Any] = Registry().with_resource("urn:document", Resource(DOCUMENT, DRAFT7))
    schema = {"$ref": f"urn:document{MESSAGES[name]['payload']['$ref']}"}
    Draft7Validator.check_schema(resolve(MESSAGES[name]["payload"]["$ref"]))
    validator = Draft7Validator(schema, registry=registry)
    (example,) = MESSAGES[name]["examples"]
    validator.validate(example["payload"])
    assert not validator.is_valid({key: part for key, part in example["payload"].items() if key != "data"})
