"""Every record has a schema and an example on file, and a version of it changes only by additions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from jsonschema import Draft202012Validator

from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.documents.generate import breaking_record_changes, documents
from penstock.contracts.documents.json_schema import record_name, record_types, schema_of
from penstock.contracts.documents.schema_changes import breaking_changes
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.topics import TOPICS

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "libs/contracts/examples"
TYPES = record_types()


def example(cloud_type: str) -> bytes:
    return (EXAMPLES / f"{cloud_type}.json").read_bytes()


def read(cloud_type: str, content: bytes) -> Any:
    record = TYPES[cloud_type]
    if isinstance(record, type) and issubclass(record, ControlRecord):
        return record.from_json(content)
    return msgspec.json.decode(content, type=record)


@pytest.mark.parametrize("cloud_type", TYPES)
def test_the_example_fits_its_schema_and_is_equal_after_a_round_trip(cloud_type: str) -> None:
    Draft202012Validator(schema_of(TYPES[cloud_type])).validate(json.loads(example(cloud_type)))
    record = read(cloud_type, example(cloud_type))
    assert read(cloud_type, encode(record)) == record
    Draft202012Validator(schema_of(TYPES[cloud_type])).validate(json.loads(encode(record)))


@pytest.mark.parametrize("cloud_type", TYPES)
def test_any_cloudevents_library_reads_what_we_write(cloud_type: str) -> None:
    value = encode(read(cloud_type, example(cloud_type)))
    event = from_structured_event(HTTPMessage({"content-type": "application/cloudevents+json"}, value))
    assert event.get_type() == cloud_type
    assert event.get_specversion() == "1.0"


def test_the_generated_documents_are_current() -> None:
    stale = [path.name for path, text in documents(ROOT).items() if not path.exists() or path.read_text() != text]
    assert not stale, f"run `make docs`: {stale}"


def test_no_record_on_file_was_changed_other_than_by_additions() -> None:
    assert breaking_record_changes(ROOT) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"properties": {"a": {"type": "string"}}}, {"properties": {}}),
        ({"properties": {}}, {"properties": {"a": {}}, "required": ["a"]}),
        ({"type": "string"}, {"type": "integer"}),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}),
        ({"const": "v1"}, {"const": "v2"}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}]}),
        (
            {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"properties": {"b": {"type": "string"}}}}},
            {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"properties": {}}}},
        ),
    ],
)
def test_a_breaking_change_is_found(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert breaking_changes(old, new)
    assert breaking_changes(old, old) == []


def test_additions_do_not_break() -> None:
    old = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
    new = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert breaking_changes(old, new) == []
    assert breaking_changes({"const": "retrain"}, {"enum": ["retrain", "imported"]}) == []


def test_every_topic_holds_records_that_have_a_schema() -> None:
    record_names = {record_name(cloud_type) for cloud_type in TYPES}
    assert {name for topic in TOPICS for name in topic.record_types} == record_names


def test_a_reader_ignores_unknown_attributes() -> None:
    for cloud_type in TYPES:
        document = json.loads(example(cloud_type)) | {"newattribute": "x"}
        assert read(cloud_type, json.dumps(document).encode()) == read(cloud_type, example(cloud_type))
