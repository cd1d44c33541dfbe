"""Sources on the loop: killed anywhere, what their topics hold is on the log, and each thing once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.memory.faulty_log import Fault, FaultyLog
from penstock.bus.ports import NewTopic, RecordBatch
from penstock.bus.publisher import Publisher
from penstock.bus.topics import stream_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import RECEIVED, REJECTED, STREAMS
from penstock.ingestion.sources.message_decoder import MessageDecoder
from penstock.ingestion.sources.source_name import SourceName
from penstock.ingestion.sources.source_reader import SourceReader
from penstock.ingestion.sources.source_watch import SourceWatch
from penstock.ingestion.sources.source_writer import SourceWriter
from penstock.runtime.log_writer import LogWriter, WriteLimits
from penstock.runtime.service import Resources
from penstock.runtime.single_process import SingleProcess, VirtualClock
from penstock.validator.settings import ValidatorSettings
from penstock.validator.wiring import build as build_validator

NOW = 1_767_225_600_000
TOPIC = "shop.public.loans"
NAME = SourceName("penstock", "loans", "table")
DECLARATION = f"""
[stream]
name = "loans"
task = "binary"
entity = "customer"
[label]
name = "defaulted"
classes = ["no", "yes"]
[fields]
customer = {{ type = "category" }}
amount = {{ type = "number" }}
[source.table]
kafka = "{TOPIC}"
format = "debezium"
records = "both"
id = "loan_id"
"""
ROWS = 6


class DeadlyLog(FaultyLog):
    """Kills the process that reaches it once more than it has `left`: nothing that it asks for then comes about."""

    left: int | None = None

    def __init__(self, faults: Sequence[Fault], clock: VirtualClock) -> None:
        super().__init__(faults, clock)
        self.killed = asyncio.Event()

    async def reach(self) -> None:
        await super().reach()
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.killed.set()
                await asyncio.Event().wait()


def messages() -> list[bytes | None]:
    """Every row is written, updated without a label, labelled, and deleted at the end, which is refused."""
    changes: list[bytes | None] = []
    for number in range(ROWS):
        new = {"loan_id": number, "customer": f"c{number % 2}", "amount": number, "defaulted": None}
        known = new | {"defaulted": "yes" if number % 2 else "no"}
        changes += [
            envelope("c", None, new),
            envelope("u", new, new | {"amount": 7}),
            envelope("u", new | {"amount": 7}, known),
            envelope("d", known, None),
            None,
        ]
    return changes


def envelope(op: str, before: Any, after: Any) -> bytes:
    return json.dumps({"op": op, "before": before, "after": after, "ts_ms": NOW}).encode()


class Site:
    """A validator, and readers of the source, each in a process of its own."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self.process = SingleProcess(VirtualClock(NOW))
        self.log = self.process.log = DeadlyLog(faults, self.process.clock)

    async def start(self) -> None:
        declaration = parse_declaration(DECLARATION)
        time = datetime(2026, 1, 1, tzinfo=UTC)
        self.stream = StreamDeclared(source="t", id="tests-of-sources", time=time, version=1, declaration=declaration)
        await self.process.start(lambda resources: build_validator(ValidatorSettings(), resources))
        await self.log.create([NewTopic(TOPIC, 2), *stream_topics("penstock", self.stream)])
        faults, self.log.faults = self.log.faults, type(self.log.faults)()
        publisher = Publisher(self.log, "penstock", self.process.resources().streams)
        await publisher.publish([Outputs(STREAMS, None, [self.stream], [b"loans"])])
        self.log.faults = faults
        for number, value in enumerate(messages()):
            self.log.append([RecordBatch.single(TOPIC, (number // 5) % 2, b"key", value)])

    def reader(self) -> SourceReader:
        resources = self.resources()
        limits = WriteLimits(seconds=0.05)
        received, rejected = (LogWriter(resources.publisher, topic, limits) for topic in (RECEIVED, REJECTED))
        watch = SourceWatch(NAME, AlertWriter(resources.publisher), self.process.clock)
        writer = SourceWriter("loans", resources, received, rejected)
        return SourceReader(NAME, TOPIC, self.log, MessageDecoder(self.stream, "table"), writer, watch)

    def resources(self) -> Resources:
        resources = self.process.resources()
        resources.streams.apply(self.stream)
        return replace(resources, log=self.log)

    async def read_until_done(self) -> None:
        """A reader that nobody kills reads on until all is committed."""
        ends = await self.log.end_offsets(self.log.partitions_of(TOPIC))
        task = asyncio.create_task(self.reader().run())
        async with asyncio.timeout(20):
            while self.log.commits(NAME.group) != ends:  # noqa: ASYNC110 - the memory bus has no event for it
                await asyncio.sleep(0.001)
        await end(task)

    async def read_until_killed(self, requests: int) -> asyncio.Task[None]:
        """A reader that is killed after so many requests to the log, and never heard of again."""
        self.log.left = requests
        task = asyncio.create_task(self.reader().run())
        async with asyncio.timeout(20):
            await self.log.killed.wait()
        self.log.left = None
        for member in list(self.log.group(NAME.group).members):
            await member.expire_session()
        return task

    def values(self, topic: str) -> list[dict[str, Any]]:
        name = f"penstock.loans.{topic}"
        records = [record for key in self.log.partitions_of(name) for record in self.log.records_of(key)]
        return [json.loads(record.value or b"") for record in records]

    async def check(self) -> None:
        """Each event and label came out of the validator once, and each deletion was rejected, for one reason."""
        await self.process.run_until_quiet()
        events = Counter(event["id"] for event in self.values("events"))
        labels = Counter((label["data"]["event_id"], label["data"]["value"]) for label in self.values("labels"))
        rejections = {(rejection["id"], rejection["data"]["code"]) for rejection in self.values("rejected")}
        assert events == {str(number): 1 for number in range(ROWS)}
        assert labels == {(str(number), "yes" if number % 2 else "no"): 1 for number in range(ROWS)}
        assert len(rejections) == ROWS
        assert {code for _, code in rejections} == {"unmapped_change"}


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_table_becomes_events_labels_and_rejections() -> None:
    site = Site()
    await site.start()
    await site.read_until_done()
    await site.check()
    assert len(site.values("rejected")) == ROWS


@pytest.mark.parametrize("requests", range(12))
async def test_killed_at_any_request_nothing_is_lost_and_nothing_is_there_twice(requests: int) -> None:
    site = Site()
    await site.start()
    killed = await site.read_until_killed(requests)
    await site.read_until_done()
    await site.check()
    await end(killed)


@pytest.mark.parametrize("fault", ["refused", "lost", "doubtful"])
async def test_a_write_that_is_not_confirmed_is_made_again(fault: Fault) -> None:
    site = Site([fault, "none", fault])
    await site.start()
    await site.read_until_done()
    await site.check()
