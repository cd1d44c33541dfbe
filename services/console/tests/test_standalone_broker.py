"""A real Kafka broker without the services."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from penstock.console.broker.broker_probe import broker_answers
from penstock.console.broker.standalone import running_broker, start_broker
from penstock.console.failure import ConsoleFailure

TOPIC = "penstock.test.events"


async def create_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def send(bootstrap: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        await producer.send_and_wait(TOPIC, value)


async def read(bootstrap: str, count: int) -> list[bytes | None]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(TOPIC, 0)])
        return [(await consumer.getone()).value for _ in range(count)]


def test_acknowledged_records_outlive_a_kill_and_a_stop(tmp_path: Path) -> None:
    broker = start_broker(tmp_path)
    try:
        asyncio.run(create_topic(broker.bootstrap))
        asyncio.run(send(broker.bootstrap, b"first"))
    finally:
        broker.process.kill()
        broker.process.wait()
    meta_properties = (tmp_path / "kafka" / "storage" / "meta.properties").read_text()
    with running_broker(tmp_path) as bootstrap:
        asyncio.run(send(bootstrap, b"second"))
        assert asyncio.run(read(bootstrap, 2)) == [b"first", b"second"]
    assert not asyncio.run(broker_answers(bootstrap))
    assert (tmp_path / "kafka" / "storage" / "meta.properties").read_text() == meta_properties


def test_files_stay_within_a_home_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    home = tmp_path / "a, b" / "h\u00f6me\\n \u6771"
    for _ in range(2):
        with running_broker(home) as bootstrap:
            assert bootstrap
    assert [path.name for path in tmp_path.iterdir()] == ["a, b"]
    assert [path.name for path in home.parent.iterdir()] == [home.name]
    assert (home / "kafka" / "storage" / "meta.properties").exists()


def test_a_broker_that_cannot_start_names_its_log(tmp_path: Path) -> None:
    storage = tmp_path / "kafka" / "storage"
    storage.mkdir(parents=True)
    (storage / "meta.properties").write_text("version=99\n")
    with pytest.raises(ConsoleFailure, match=r"did not answer .*broker\.log"):
        start_broker(tmp_path)


def test_a_cluster_id_may_begin_with_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in 64 random ids does, and the tool that formats the storage must not take it for an option."""
    monkeypatch.setattr("penstock.console.broker.kafka._cluster_id", lambda: "-AAAAAAAQACAAAAAAAAAAA")
    with running_broker(tmp_path) as bootstrap:
        assert bootstrap
