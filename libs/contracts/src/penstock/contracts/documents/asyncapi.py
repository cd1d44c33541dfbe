"""docs/asyncapi.json: the topics, records and services as an AsyncAPI 3 document, for the tools that read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Any

from penstock.contracts.documents.json_schema import Schema, record_name, record_types, schema_of
from penstock.contracts.topics import TOPICS, Topic

Document = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_OF_2020 = ("$schema", "$id", "$defs")  # what a schema has of JSON Schema 2020-12 and AsyncAPI's, of draft 7, has not
_KEPT = {"stream": "as long as the stream declares", "week": "for 7 days", "forever": "for ever"}
_NAMESPACE = {"description": "The deployment's namespace (PENSTOCK_NAMESPACE).", "default": "penstock"}
_STREAM = {"description": "The name of a declared stream.", "examples": ["loans"]}


def asyncapi_text(version: str, examples: Mapping[str, Any]) -> str:
    """The document as its file; `examples` has one of each record, by its CloudEvents type."""
    return json.dumps(asyncapi_document(version, examples), indent=2) + "\n"


def asyncapi_document(version: str, examples: Mapping[str, Any]) -> Document:
    """Channels are topics, messages are records; each service receives and sends on them."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Penstock",
            "version": version,
            "description": "What the services of Penstock, and those who produce for it or read from it, say to each "
            "other on Kafka. Every value is a CloudEvent 1.0 in JSON. The `data` of events, and of outcomes, is what "
            "the stream declares.",
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "The cluster of the deployment.",
                "variables": {"bootstrap": {"description": "KAFKA_BOOTSTRAP_SERVERS", "default": "127.0.0.1:9092"}},
            }
        },
        "channels": {_channel_name(topic): _channel(topic) for topic in TOPICS},
        "operations": dict(operation for topic in TOPICS for operation in _operations(topic)),
        "components": {
            "messages": {record_name(each): _message(each, examples[each]) for each in record_types()},
            "schemas": {name: schema for each in record_types() for name, schema in _schemas(each).items()},
        },
    }


def _channel_name(topic: Topic[Any]) -> str:
    """The topic's short name; the one that both planes have is told apart."""
    shared = sum(other.short_name == topic.short_name for other in TOPICS) > 1
    return f"control-{topic.short_name}" if shared and topic.plane == "control" else topic.short_name


def _channel(topic: Topic[Any]) -> Document:
    of_stream = topic.plane == "data"
    partitions = {} if topic.partitioning == "keyed" else {"partitions": 1}
    return {
        "address": f"{{namespace}}.{'{stream}.' if of_stream else ''}{topic.short_name}",
        "description": f"Key: {topic.key}. Records are kept {_KEPT[topic.retention]}.",
        "parameters": {"namespace": _NAMESPACE, **({"stream": _STREAM} if of_stream else {})},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in topic.record_types},
        "servers": [{"$ref": "#/servers/kafka"}],
        "bindings": {"kafka": {**partitions, "bindingVersion": "0.5.0"}},
    }


def _operations(topic: Topic[Any]) -> Iterator[tuple[str, Document]]:
    """What each service does on a topic, by the name of the operation."""
    channel = _channel_name(topic)
    for service in topic.producers:
        yield _operation("send", service, channel, topic, f"{service} writes it.")
    for service in dict.fromkeys((*topic.consumers, *topic.followers)):
        how = "in a consumer group" if service in topic.consumers else "outside any group, or in one for each instance"
        yield _operation("receive", service, channel, topic, f"{service} reads it, {how}.")


def _operation(action: str, service: str, channel: str, topic: Topic[Any], summary: str) -> tuple[str, Document]:
    name = service.replace(" ", "-")
    operation = {
        "action": action,
        "summary": summary,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{record}"} for record in topic.record_types],
        "tags": [{"name": name}],
    }
    return f"{name}.{action}.{channel}", operation


def _message(cloud_type: str, example: Any) -> Document:
    record = record_types()[cloud_type]
    description = cleandoc(getattr(record, "__origin__", record).__doc__ or "")
    return {
        "name": cloud_type,
        "title": record_name(cloud_type),
        "summary": description.partition("\n\n")[0].replace("\n", " "),
        "description": description,
        "contentType": "application/cloudevents+json",
        "payload": {"$ref": f"{_SCHEMAS}{record_name(cloud_type)}"},
        "examples": [{"name": "example", "payload": example}],
    }


def _schemas(cloud_type: str) -> Schema:
    """The schema of a record, and those of its parts, each under a name of its own."""
    schema, record = schema_of(record_types()[cloud_type]), record_name(cloud_type)
    parts = {f"{record}.{_part_name(name)}": part for name, part in schema.get("$defs", {}).items()}
    whole = {key: part for key, part in schema.items() if key not in _OF_2020}
    return {name: _draft_7(part, record) for name, part in {record: whole, **parts}.items()}


def _part_name(name: str) -> str:
    """The name of a part without the types it was made with, as `Event` for `Event_dict_str__typing.Any__`."""
    return name.partition("_")[0]


def _draft_7(schema: Any, record: str) -> Any:
    """A schema as draft 7 has it, with references into the document."""
    if isinstance(schema, list):
        return [_draft_7(part, record) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: _draft_7(part, record) for key, part in schema.items()}
    if isinstance(schema.get("$ref"), str):
        parts["$ref"] = f"{_SCHEMAS}{record}.{_part_name(schema['$ref'].removeprefix('#/$defs/'))}"
    if isinstance(schema.get("prefixItems"), list):
        parts["items"] = parts.pop("prefixItems")
    return parts
