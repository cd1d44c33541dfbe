"""What a worker does about a gap: it is told with its figures, then read over or held; the state's position moves."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import pytest
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.bus.state.unit_state import State
from penstock.bus.topics import control_topics, stream_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.batch import AnyOutputs, Batch
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import ALERTS, COMMANDS, LABELS, Topic
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

DECLARATION = """
[stream]
name = "loans"
task = "binary"
on_gap = "{on_gap}"
[label]
name = "y"
classes = ["0", "1"]
[fields]
customer = {{ type = "category" }}
"""


def declared(on_gap: str, version: int = 1) -> StreamDeclared:
    declaration = parse_declaration(DECLARATION.format(on_gap=on_gap))
    return StreamDeclared(
        source="t", id=f"loans-{version}", time="2026-01-01T00:00:00Z", version=version, declaration=declaration
    )


class Deployment:
    """A group over the labels of a stream, or over commands, on a broker whose log can be damaged."""

    def __init__(self, broker: str, folder: Path, *, stateful: bool, topic: Topic[object] = LABELS) -> None:
        self.bootstrap, self.stateful, self.short_topic = broker, stateful, topic
        self.namespace = f"n{uuid.uuid4().hex[:8]}"
        self.log = KafkaLog(Connection(broker), self.namespace, "test")
        self.stores, self.streams, self.metrics = RocksStateStores(folder), Streams(), Metrics()
        self.topic = topic.name(self.namespace, None if topic.plane == "control" else "loans")
        self.handled: list[int] = []

    async def start(self, on_gap: str = "continue") -> None:
        self.streams.apply(declared(on_gap))
        await self.log.create([*control_topics(self.namespace), *stream_topics(self.namespace, declared(on_gap))])

    def worker(self) -> Worker:
        """A member with a log of its own, as another process has."""

        def open_unit(_: Unit, __: State) -> Sequence[Route]:
            def handle(batch: Batch[object]) -> Iterable[AnyOutputs]:
                self.handled += [raw.offset for raw in batch.raw]
                return []

            return [route(self.short_topic, handle)]

        group = Group("counting", (self.short_topic,), open_unit, stateful=self.stateful)
        log = KafkaLog(Connection(self.bootstrap), self.namespace, "test")
        telemetry = start_telemetry("test", environ={})
        return Worker(group, log, self.namespace, self.streams, self.stores, telemetry, self.metrics)

    async def run(self, until: Callable[[Worker], Awaitable[bool]]) -> None:
        worker = self.worker()
        async with asyncio.timeout(60):
            while not await until(worker):
                await worker.step(0.1)
        await worker.close()
        await worker._log.close()

    async def write(self, count: int) -> None:
        sink = await self.log.sink()
        value = (
            b'{"type":"penstock.label.v1","source":"t","id":"1","time":"2026-01-01T00:00:00Z",'
            b'"data":{"event_id":"1","event_source":"t","value":"1"}}'
        )
        await (await sink.send([RecordBatch(self.topic, 0, [None] * count, [value] * count)]))
        await sink.close()

    async def expire(self, before: int) -> None:
        await self.admin(
            lambda admin: admin.delete_records({KafkaTopicPartition(self.topic, 0): RecordsToDelete(before)})
        )

    async def recreate(self) -> None:
        await self.admin(lambda admin: admin.delete_topics([self.topic]))
        async with asyncio.timeout(30):
            while await self.log.topic_ids([self.topic]):  # noqa: ASYNC110 - a broker has no event for it
                await asyncio.sleep(0.05)
        await self.log.create(stream_topics(self.namespace, declared("continue")))

    async def admin(self, do: Callable[[AIOKafkaAdminClient], Awaitable[object]]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await do(admin)
        await admin.close()

    async def alerts(self) -> list[Alert]:
        reader = await self.log.reader({(ALERTS.name(self.namespace), 0): 0})
        records = [raw for batch in await reader.read_to_end() for raw in batch.records]
        await reader.close()
        return ALERTS.decoder(None)(records)

    async def run_to(self, offset: int) -> None:
        async def has_handled(_: Worker) -> bool:
            return offset in self.handled

        await self.run(has_handled)


@pytest.mark.parametrize("stateful", [True, False])
async def test_400_records_that_expired_while_down_are_told_and_read_over(
    broker: str, tmp_path: Path, stateful: bool
) -> None:
    d = Deployment(broker, tmp_path, stateful=stateful)
    await d.start()
    await d.write(50)
    await d.run_to(49)
    await d.write(450)
    await d.expire(450)
    await d.run_to(499)
    (alert,) = await d.alerts()
    assert alert.gap is not None
    assert (alert.severity, alert.subject, alert.stream) == ("critical", "gap", "loans")
    assert (alert.gap.expected, alert.gap.found, alert.gap.records) == (50, 450, 400)
    assert (alert.gap.cause, alert.gap.action) == ("expired", "continue")
    assert "(400 records); reading on at offset 450" in alert.message
    assert d.handled == [*range(50), *range(450, 500)]
    assert f'penstock_records_missing_total{{topic="{d.topic}"}} 400.0' in d.metrics.exposition()[0].decode()
    assert (await d.log.committed("counting"))[d.topic, 0] == 500
    await d.write(1)
    await d.run_to(500)
    assert len(await d.alerts()) == 1
    await d.log.close()


async def test_a_state_whose_topic_was_made_anew_reads_the_new_one_from_its_beginning(
    broker: str, tmp_path: Path
) -> None:
    d = Deployment(broker, tmp_path, stateful=True)
    await d.start()
    await d.write(50)
    await d.run_to(49)
    await d.recreate()
    await d.write(80)
    d.handled.clear()
    await d.run_to(79)
    (alert,) = await d.alerts()
    assert alert.gap is not None
    assert (alert.gap.cause, alert.gap.expected, alert.gap.found) == ("replaced", 50, 0)
    assert d.handled == list(range(80))
    await d.write(1)
    await d.run_to(80)
    assert len(await d.alerts()) == 1
    assert d.handled == list(range(81))
    await d.log.close()


async def test_a_topic_made_anew_again_after_its_unit_went_on_is_told_of_again(broker: str, tmp_path: Path) -> None:
    d = Deployment(broker, tmp_path, stateful=True)
    await d.start()
    await d.write(50)
    await d.run_to(49)
    await d.recreate()
    await d.write(10)
    d.handled.clear()
    await d.run_to(9)
    await d.recreate()
    await d.write(20)
    d.handled.clear()
    await d.run_to(19)
    assert d.handled == list(range(20))
    gaps = [alert.gap for alert in await d.alerts()]
    assert [(gap.cause, gap.expected) for gap in gaps if gap is not None] == [("replaced", 50), ("replaced", 10)]
    await d.log.close()


async def test_a_stream_that_holds_is_read_on_once_it_declares_to_continue(broker: str, tmp_path: Path) -> None:
    d = Deployment(broker, tmp_path, stateful=True)
    await d.start("hold")
    await d.write(50)
    await d.run_to(49)
    await d.write(450)
    await d.expire(450)

    async def reads_on(worker: Worker) -> bool:
        if d.topic + "/0" in worker.failures() and await d.alerts():
            assert d.handled == list(range(50))
            d.streams.apply(declared("continue", version=2))
        return 499 in d.handled

    await d.run(reads_on)
    assert d.handled == [*range(50), *range(450, 500)]
    held, read_over = await d.alerts()
    assert "held until" in held.message
    assert "reading on" in read_over.message
    await d.log.close()


async def test_a_control_topic_is_held_whatever_it_lost(broker: str, tmp_path: Path) -> None:
    d = Deployment(broker, tmp_path, stateful=False, topic=COMMANDS)
    await d.start()
    await d.write(10)

    async def has_committed(_: Worker) -> bool:
        return (await d.log.committed("counting")).get((d.topic, 0)) == 10

    await d.run(has_committed)
    await d.write(10)
    await d.expire(15)

    async def holds(worker: Worker) -> bool:
        return "kafka-consumer-groups" in worker.failures().get(d.topic + "/0", "") and bool(await alerts_of_gaps())

    async def alerts_of_gaps() -> list[Alert]:
        return [alert for alert in await d.alerts() if alert.gap is not None]  # others are of dead letters

    await d.run(holds)
    (alert,) = await alerts_of_gaps()
    assert alert.gap is not None
    assert (alert.gap.records, alert.gap.action, alert.stream) == (5, "hold", None)
    await d.log.close()
