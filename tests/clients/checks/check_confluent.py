"""What Confluent's own serializer writes to a topic of its own, by schemas it registers, is predicted from there."""

from __future__ import annotations

import json
import os
import time
import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

KAFKA, STREAM, TOPIC, REGISTRY = (os.environ[name] for name in ("KAFKA", "SOURCE_STREAM", "SOURCE_TOPIC", "REGISTRY"))
LIMIT_S = 60
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Order",
    "type": "object",
    "properties": {"id": {"type": "string"}, "order": {"type": "object"}},
    "required": ["id"],
}


def test_what_confluents_json_schema_serializer_writes_is_predicted() -> None:
    admin = AdminClient({"bootstrap.servers": KAFKA})
    admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result()
    serialize = JSONSerializer(json.dumps(SCHEMA), SchemaRegistryClient({"url": REGISTRY}))
    producer = Producer({"bootstrap.servers": KAFKA})
    ids = {str(uuid.uuid4()) for _ in range(20)}
    for event_id in ids:
        message = {"id": event_id, "order": {"total": 0.5}}
        producer.produce(TOPIC, serialize(message, SerializationContext(TOPIC, MessageField.VALUE)))
    producer.produce(TOPIC, json.dumps({"id": "without a header"}).encode())
    assert producer.flush(LIMIT_S) == 0

    assert ids_on("predictions", ids) == ids
    (rejection,) = ids_on("rejected", {"malformed"})
    assert rejection == "malformed"


def ids_on(topic: str, wanted: set[str]) -> set[str]:
    """Those of the wanted ids (of rejections: codes) that come to a topic of the stream in time."""
    consumer = Consumer(
        {"bootstrap.servers": KAFKA, "group.id": str(uuid.uuid4()), "auto.offset.reset": "earliest"},
    )
    consumer.subscribe([f"penstock.{STREAM}.{topic}"])
    found: set[str] = set()
    end = time.monotonic() + LIMIT_S
    while found < wanted and time.monotonic() < end:
        message = consumer.poll(1.0)
        if message is not None and not message.error():
            record = json.loads(message.value())
            found |= wanted & {record["id"], record["data"].get("code", "")}
    consumer.close()
    return found
