"""Producers and consumers of other makes: what each sends is predicted, in the partition of its entity."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

KAFKA, STREAM, PROGRAMS = os.environ["KAFKA"], os.environ["KEYED_STREAM"], os.environ["PROGRAMS"]
RECEIVED, PREDICTIONS = f"penstock.{STREAM}.received", f"penstock.{STREAM}.predictions"
CUSTOMERS = [f"c-{number}" for number in range(20)]
LIMIT_S = 60

Send = Callable[[list[tuple[str, str]]], None]


def event(event_id: str, customer: str) -> str:
    """An event as it lies on the topic: a CloudEvent in JSON."""
    return json.dumps(
        {
            "specversion": "1.0",
            "type": "penstock.event.v1",
            "source": "check",
            "id": event_id,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "data": {"customer": customer, "x": 0.5},
        }
    )


def by_librdkafka(records: list[tuple[str, str]]) -> None:
    producer = Producer({"bootstrap.servers": KAFKA, "partitioner": "murmur2_random", "enable.idempotence": True})
    for key, value in records:
        producer.produce(RECEIVED, value, key)
    assert producer.flush(LIMIT_S) == 0


def in_binary_mode(records: list[tuple[str, str]]) -> None:
    """The attributes as headers, the data alone as the value."""
    producer = Producer({"bootstrap.servers": KAFKA, "partitioner": "murmur2_random"})
    for key, value in records:
        document = json.loads(value)
        data = json.dumps(document.pop("data"))
        headers = {f"ce_{name}": attribute for name, attribute in document.items()}
        producer.produce(RECEIVED, data, key, headers=headers | {"content-type": "application/json"})
    assert producer.flush(LIMIT_S) == 0


def by_command(command: str) -> Send:
    """By a program that sends lines of `key TAB value`."""

    def send(records: list[tuple[str, str]]) -> None:
        lines = "".join(f"{key}\t{value}\n" for key, value in records)
        process = subprocess.run(
            shlex.split(command), input=lines, text=True, capture_output=True, cwd=PROGRAMS, check=False
        )
        assert process.returncode == 0, process.stderr

    return send


PREFIX = "PRODUCER_"
SENDERS: dict[str, Send] = {"librdkafka": by_librdkafka, "binary mode": in_binary_mode} | {
    name.removeprefix(PREFIX).lower(): by_command(command)
    for name, command in os.environ.items()
    if name.startswith(PREFIX)
}


def predictions_of(ids: set[str]) -> dict[str, tuple[str, int, int]]:
    """The key, partition and offset of the prediction of each event, read by librdkafka until all are there."""
    consumer = Consumer({"bootstrap.servers": KAFKA, "group.id": str(uuid.uuid4()), "enable.auto.commit": False})
    partitions = consumer.list_topics(PREDICTIONS, LIMIT_S).topics[PREDICTIONS].partitions
    consumer.assign([TopicPartition(PREDICTIONS, number, OFFSET_BEGINNING) for number in partitions])
    found: dict[str, tuple[str, int, int]] = {}
    end = time.monotonic() + LIMIT_S
    while found.keys() < ids and time.monotonic() < end:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        prediction = json.loads(message.value())
        if prediction["id"] in ids:
            assert prediction["id"] not in found
            found[prediction["id"]] = (message.key().decode(), message.partition(), message.offset())
    consumer.close()
    return found


@pytest.mark.parametrize("sender", SENDERS)
def test_what_a_client_sends_is_predicted_in_order_in_its_entitys_partition(sender: str) -> None:
    customer_of = {f"{uuid.uuid4()}": customer for customer in CUSTOMERS for _ in range(5)}
    SENDERS[sender]([(customer, event(event_id, customer)) for event_id, customer in customer_of.items()])
    found = predictions_of(set(customer_of))
    assert found.keys() == customer_of.keys()
    assert {event_id: key for event_id, (key, _, _) in found.items()} == customer_of
    for customer in CUSTOMERS:
        own = [found[event_id] for event_id, other in customer_of.items() if other == customer]
        assert len({partition for _, partition, _ in own}) == 1
        assert [offset for _, _, offset in own] == sorted(offset for _, _, offset in own)


def test_every_client_agrees_on_the_partition_of_a_key() -> None:
    ids: dict[str, str] = {}
    for number, send in enumerate(SENDERS.values()):
        own = {f"{uuid.uuid4()}-{number}": customer for customer in CUSTOMERS}
        send([(customer, event(event_id, customer)) for event_id, customer in own.items()])
        ids |= own
    found = predictions_of(set(ids))
    places = {(key, partition) for key, partition, _ in found.values()}
    assert len(places) == len(CUSTOMERS)
