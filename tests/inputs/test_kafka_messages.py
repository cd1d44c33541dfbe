"""Bad records from Kafka: each is rejected or dead-lettered, and the good ones around it are predicted."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from libs.bus.tests.test_other_clients import open_topic, values_in
from penstock.bus.ports import MAX_RECORD_BYTES, Headers, NewTopic, RecordBatch
from penstock.console.broker.standalone import start_broker
from penstock.console.demo.credit_risk import START
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.contracts.records.rejections import LARGEST_ORIGINAL
from penstock.contracts.topics import RECEIVED, REJECTED, STREAM_DEAD_LETTERS
from tests.loop.log_records import records_of
from tests.loop.test_bad_records import GOOD

from .rows import rows

RANDOM = random.Random(7).randbytes(200)
BINARY = {
    "ce_specversion": b"1.0",
    "ce_type": b"penstock.event.v1",
    "ce_source": b"x",
    "ce_time": b"2026-01-05T08:00:00Z",
}


def event(event_id: str, **changes: Any) -> bytes:
    """The good event under another id, with changes."""
    return json.dumps({**GOOD, "id": event_id, **changes}).encode()


def padded(event_id: str, size: int) -> bytes:
    """An event of so many bytes."""
    short = event(event_id, subject="")
    return event(event_id, subject="x" * (size - len(short)))


@dataclass(frozen=True)
class Written:
    """A record on the topic, and its end: a reason code, `dead` or `predicted`."""

    end: str
    value: bytes | None
    headers: Headers = ()
    key: bytes | None = field(default=None, kw_only=True)


def kept(value: bytes | None) -> bytes | None:
    """What a rejection keeps of a record."""
    return value and value[:LARGEST_ORIGINAL]


def binary(end: str, **changes: bytes | None) -> Written:
    """An event in binary mode with other headers; None leaves one out."""
    headers = {**BINARY, "ce_id": b"binary", **changes}
    return Written(end, json.dumps(GOOD["data"]).encode(), [(k, v) for k, v in headers.items() if v is not None])


YEAR_2100 = 4_102_444_800_000
TWICE = Written("dead", b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_id", b"2")])

ENDS = {
    "K1 null value": [Written("dead", None), Written("dead", None, key=b"c-1")],
    "K2 null key": [Written("predicted", event("k2"), key=None)],
    "K3 random bytes": [Written("dead", RANDOM), Written("dead", b"\x00\xff\x00")],
    "K4 JSON of a wrong type": [Written("wrong_type", value) for value in (b"7", b"[]", b'"text"', b"null", b"true")],
    "K5 truncated JSON": [Written("dead", event("k5")[:length]) for length in (1, 40, len(event("k5")) - 1)],
    "K6 magic byte": [Written("dead", b"\x00\x00\x00\x00\x07" + b"\x02\x06abc"), Written("dead", b"\x82\xa2id\xa1a")],
    "K9 size": [
        Written("predicted", padded("k9", MAX_RECORD_BYTES - 1 - len(b"c-1"))),
        Written("too_large", padded("k9-more", MAX_RECORD_BYTES + 1)),
    ],
    "K7 headers": [binary("missing_field", ce_id=None), TWICE, binary("dead", ce_id=b"\xff")],
}


@dataclass
class Loop:
    """A deployment in this process."""

    deployment: InProcessDeployment

    async def write(self, *written: Written, topic: str | None = None) -> None:
        """Write records as a Kafka producer does, and let the loop come to rest."""
        await self.deployment.send("event", [], START)
        topic = topic or RECEIVED.name("penstock", self.deployment.watch.stream.name)
        batches = [RecordBatch.single(topic, 0, each.key, each.value, each.headers) for each in written]
        self.deployment.log.append(batches)
        await self.deployment.await_quiet()
        await self.deployment.watch.read_to_end()

    def ends(self) -> list[tuple[bytes | None, str]]:
        """The bytes of each record that was refused, and how it ended."""
        stream, log = self.deployment.watch.stream, self.deployment.log
        rejected = [(base64.b64decode(r.data.original), r.data.code) for r in records_of(log, REJECTED, stream)]
        letters = [r.data.value for r in records_of(log, STREAM_DEAD_LETTERS, stream)]
        return [*rejected, *((value and base64.b64decode(value), "dead") for value in letters)]

    def predicted(self) -> list[str]:
        """The ids of the events that have a prediction."""
        return sorted(self.deployment.watch.predictions)


@asynccontextmanager
async def open_loop() -> AsyncIterator[Loop]:
    """A deployment with the demo's stream."""
    async with in_process_deployment(demo_declaration()) as deployment:
        yield Loop(deployment)


@rows(ENDS)
async def test_a_bad_record_has_its_end_and_those_around_it_are_predicted(row: list[Written]) -> None:
    async with open_loop() as loop:
        before, behind = Written("predicted", event("before")), Written("predicted", event("behind"))
        await loop.write(before, *row, behind)
        refused = [each for each in row if each.end != "predicted"]
        assert sorted(end for _, end in loop.ends()) == sorted(each.end for each in refused)
        assert {(kept(each.value), each.end) for each in refused if not each.headers} <= set(loop.ends())
        ids = [json.loads(each.value or b"")["id"] for each in row if each.end == "predicted"]
        assert loop.predicted() == sorted(["before", "behind", *ids])


async def test_k11_a_record_read_again_has_one_effect() -> None:
    async with open_loop() as loop:
        await loop.write(*[Written("predicted", event("again"))] * 3, Written("predicted", event("good")))
        assert (loop.predicted(), loop.ends()) == (["again", "good"], [])


async def test_k15_an_event_for_a_stream_that_nobody_declared_hurts_nobody() -> None:
    async with open_loop() as loop:
        await loop.deployment.log.create([NewTopic("penstock.nobody.received", 1)])
        await loop.write(Written("ignored", event("other")), topic="penstock.nobody.received")
        await loop.write(Written("predicted", event("good")))
        assert (loop.predicted(), loop.ends()) == (["good"], [])


async def test_k10_a_producers_clock_counts_for_nothing(broker: str) -> None:
    async with open_topic(broker) as topic, topic.producer() as producer:
        started = time.time_ns() // 1_000_000
        for timestamp in (0, YEAR_2100):
            await producer.send_and_wait(topic.name, b"x", partition=0, timestamp_ms=timestamp)
        batch = producer.create_batch()
        batch.append(key=None, value=b"x", timestamp=-1)
        batch.close()
        await (await producer.send_batch(batch, topic.name, partition=0))
        records = [record for batch in await topic.poll_until(3) for record in batch.records]
        assert all(started - 60_000 < record.timestamp < YEAR_2100 for record in records)
    async with open_loop() as loop:
        await loop.write(Written("clock_skew", event("late", time="2100-01-01T00:00:00Z")), Written("", event("good")))
        assert (loop.predicted(), [end for _, end in loop.ends()]) == (["good"], ["clock_skew"])


async def test_k12_records_of_an_aborted_transaction_are_not_read_and_those_around_it_are(broker: str) -> None:
    async with open_topic(broker) as topic:
        await topic.write(b"before")
        async with topic.producer(transactional_id=topic.name) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(topic.name, b"aborted", partition=0)
            await producer.abort_transaction()
        await topic.write(b"behind")
        assert values_in(await topic.poll_until(4)) == [b"before", b"behind"]


async def test_k13_a_corrupt_batch_holds_up_its_partition_alone(tmp_path: Path) -> None:
    node = await asyncio.to_thread(start_broker, tmp_path)
    try:
        async with open_topic(node.bootstrap, partitions=2) as topic:
            await topic.write(b"whole")
            await topic.write(b"a record that breaks")
            corrupt(tmp_path, b"a record that breaks")
            await topic.write(b"healthy", partition=1)
            batches = await topic.poll_until(1, partition=1) + await topic.poll_until_failure()
            assert sorted(values_in(batches)) == [b"healthy", b"whole"]
            assert "the batch is corrupt" in topic.source.failures()[topic.name, 0]
    finally:
        await asyncio.to_thread(node.stop)


def corrupt(home: Path, value: bytes) -> None:
    """Change a byte of a value in the broker's files."""
    for segment in home.rglob("*.log"):
        content = segment.read_bytes()
        if value in content:
            segment.write_bytes(content.replace(value, value[:-1] + b"?"))
