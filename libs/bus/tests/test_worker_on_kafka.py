"""What only a broker can show of the loop: members that come and go, topics that appear, a broker that restarts."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from penstock.artifacts.named_files import NamedFiles
from penstock.bus.errors import TransientError
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.ports import TopicPartition
from penstock.bus.publisher import Publisher
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.checkpoint_store import CheckpointStore
from penstock.bus.state.checkpointed_stores import CheckpointedStores
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.bus.state.unit_state import State, StateStores
from penstock.bus.topics import stream_topics
from penstock.bus.worker.worker import Worker
from penstock.console.broker.standalone import start_broker
from penstock.console.local_ports import free_ports
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.events import Label
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import LABELS, PREDICTIONS
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

PARTITIONS = range(4)
DECLARATION = """
[stream]
name = "{name}"
task = "binary"
entity = "customer"
[label]
name = "y"
classes = ["0", "1"]
[fields]
customer = {{ type = "category" }}
"""


def declared(name: str) -> StreamDeclared:
    declaration = parse_declaration(DECLARATION.format(name=name))
    return StreamDeclared(source="t", id=name, time="2026-01-01T00:00:00Z", version=1, declaration=declaration)


def label(number: int) -> bytes:
    record = {
        "type": "penstock.label.v1",
        "source": "t",
        "id": str(number),
        "time": "2026-01-01T00:00:00Z",
        "data": {"event_id": str(number), "event_source": "t", "value": "1", "entity": str(number)},
    }
    return json.dumps(record).encode()


class Counting:
    """Gives each id a number of its own, at its first sight."""

    def __init__(self, unit: Unit, state: State) -> None:
        self.unit = unit
        self.state = state

    def handle(self, batch: Batch[Label]) -> Iterable[AnyOutputs]:
        records = []
        for record in batch.records:
            key = b"id:" + record.id.encode()
            if self.state.get(key) is None:
                number = int(self.state.get(b"count") or 0) + 1
                self.state.put(key, b"%d" % number)
                self.state.put(b"count", b"%d" % number)
            records.append(key + b"=" + (self.state.get(key) or b""))
        return [Outputs(PREDICTIONS, self.unit.stream, records, [None] * len(records), self.unit.partition)]


class Deployment:
    """A namespace of its own on a broker, its streams, and members of one group over one state folder."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.namespace = f"n{uuid.uuid4().hex[:8]}"
        self.log = KafkaLog(Connection(bootstrap), self.namespace, "test")
        self.state_stores = RocksStateStores(folder)
        self.streams = Streams()
        self.publisher = Publisher(self.log, self.namespace, self.streams)
        self.handled: dict[str, int] = {}

    async def declare(self, name: str) -> None:
        await self.log.create(stream_topics(self.namespace, declared(name)))
        self.streams.apply(declared(name))

    async def write(self, stream: str, numbers: range) -> None:
        values = [label(number) for number in numbers]
        await self.publisher.publish([Outputs(LABELS, stream, values, [b"%d" % number for number in numbers])])

    def group(self, member: str) -> Group:
        def open_unit(unit: Unit, state: State) -> Sequence[Route]:
            counting = Counting(unit, state)

            def handle(batch: Batch[Label]) -> Iterable[AnyOutputs]:
                self.handled[member] = self.handled.get(member, 0) + len(batch.records)
                return counting.handle(batch)

            return [route(LABELS, handle)]

        return Group("counting", (LABELS,), open_unit, stateful=True)

    @asynccontextmanager
    async def member(
        self,
        name: str,
        streams: Streams | None = None,
        workers: list[Worker] | None = None,
        stores: StateStores | None = None,
    ) -> AsyncIterator[asyncio.Task[None]]:
        telemetry = start_telemetry("test", environ={})
        own = (streams or self.streams, stores or self.state_stores)
        worker = Worker(self.group(name), self.log, self.namespace, *own, telemetry, Metrics())
        if workers is not None:
            workers.append(worker)
        task = asyncio.create_task(worker.run())
        try:
            yield task
        finally:
            task.cancel()
            done = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(done[0], asyncio.CancelledError), done

    def topic_partitions(self, stream: str) -> list[TopicPartition]:
        return [(PREDICTIONS.name(self.namespace, stream), number) for number in PARTITIONS]

    async def outputs(self, stream: str) -> list[bytes]:
        reader = await self.log.reader(dict.fromkeys(self.topic_partitions(stream), 0))
        values = [record.value or b"" for batch in await reader.read_to_end() for record in batch.records]
        await reader.close()
        return values

    async def written(self, stream: str) -> int:
        return sum((await self.log.end_offsets(self.topic_partitions(stream))).values())

    def counted(self, stream: str) -> tuple[set[int], int]:
        """The ids in the state of all units, and how many were counted."""
        ids: set[int] = set()
        total = 0
        for number in PARTITIONS:
            store = self.state_stores.open("counting", stream, number)
            ids |= {int(key[3:]) for key, _ in store.scan(b"id:")}
            total += int(store.read([b"count"])[0] or 0)
            store.close()
        return ids, total

    async def close(self) -> None:
        await self.publisher.close()
        await self.log.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(120):
        while not await condition():  # noqa: ASYNC110 - a broker has no event for it
            await asyncio.sleep(0.05)


async def test_members_come_and_go_and_every_id_is_counted_once(broker: str, tmp_path: Path) -> None:
    d = Deployment(broker, tmp_path)
    await d.declare("loans")
    async with d.member("first"):
        await d.write("loans", range(1000))
        await until(lambda: _all_of(d, "loans", 1000))
        async with d.member("second"):
            sent = 1000
            while not d.handled.get("second"):
                await d.write("loans", range(sent, sent + 200))
                sent += 200
                await asyncio.sleep(0.05)
            await until(lambda: _all_of(d, "loans", sent))
    async with d.member("third"):
        await d.write("loans", range(sent, sent + 100))
        await until(lambda: _all_of(d, "loans", sent + 100))
    ids, total = d.counted("loans")
    assert ids == set(range(sent + 100))
    assert total == sent + 100
    outputs = await d.outputs("loans")
    assert len(set(outputs)) == sent + 100, "an id was written with two different numbers"
    await d.close()


async def _all_of(d: Deployment, stream: str, count: int) -> bool:
    return await d.written(stream) >= count and len(set(await d.outputs(stream))) >= count


async def test_a_member_on_another_machine_goes_on_from_checkpoints_of_what_expired(
    broker: str, tmp_path: Path
) -> None:
    d = Deployment(broker, tmp_path)
    await d.declare("loans")
    results: list[str] = []
    files = NamedFiles.in_folder(tmp_path / "checkpoints")
    first, second = (
        CheckpointedStores(RocksStateStores(tmp_path / name), CheckpointStore(files, d.namespace), results.append)
        for name in ("first", "second")
    )
    async with d.member("first", stores=first):
        await d.write("loans", range(500))
        await until(lambda: _all_of(d, "loans", 500))
    await first.close()
    topic = LABELS.name(d.namespace, "loans")
    ends = await d.log.end_offsets([(topic, number) for number in PARTITIONS])
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.delete_records({KafkaTopicPartition(*key): RecordsToDelete(end) for key, end in ends.items()})
    await admin.close()
    async with d.member("second", stores=second):
        await d.write("loans", range(600))
        await until(lambda: _all_of(d, "loans", 600))
    assert len(set(await d.outputs("loans"))) == 600, "an id was written with two different numbers"
    assert results == ["stored"] * len(PARTITIONS) + ["fetched"] * len(PARTITIONS)
    await second.close()
    await d.close()


async def test_a_stream_that_one_member_hears_of_first_is_read_by_both_in_the_end(broker: str, tmp_path: Path) -> None:
    d = Deployment(broker, tmp_path)
    await d.declare("old")
    behind = Streams()
    behind.apply(declared("old"))
    async with d.member("first"), d.member("second", behind) as second:
        await d.write("old", range(100))
        await until(lambda: _all_of(d, "old", 100))
        await d.declare("new")
        await d.write("new", range(100))
        await until(lambda: _all_of(d, "new", 1))
        behind.apply(declared("new"))
        await until(lambda: _all_of(d, "new", 100))
        assert not second.done()
    assert d.counted("new") == (set(range(100)), 100)
    await d.close()


async def test_a_worker_that_starts_before_any_stream_finds_the_first(broker: str, tmp_path: Path) -> None:
    d = Deployment(broker, tmp_path)
    async with d.member("first"):
        await d.declare("loans")
        await d.write("loans", range(10))
        await until(lambda: _all_of(d, "loans", 10))
    await d.close()


async def test_a_restart_of_the_broker_is_survived(tmp_path: Path) -> None:
    port, *_ = free_ports(1)
    node = await asyncio.to_thread(start_broker, tmp_path / "broker", port)
    try:
        d = Deployment(node.bootstrap, tmp_path / "state")
        await d.declare("loans")
        async with d.member("first"):
            await d.write("loans", range(100))
            await until(lambda: _all_of(d, "loans", 100))
            await asyncio.to_thread(node.stop)
            node = await asyncio.to_thread(start_broker, tmp_path / "broker", port)
            await _retry(lambda: d.write("loans", range(100, 200)))
            await until(lambda: _all_of(d, "loans", 200))
        assert d.counted("loans") == (set(range(200)), 200)
        await d.close()
    finally:
        await asyncio.to_thread(node.stop)


async def test_another_cluster_at_the_brokers_address_is_refused_until_the_right_one_is_back(tmp_path: Path) -> None:
    port, *_ = free_ports(1)
    node = await asyncio.to_thread(start_broker, tmp_path / "right", port)
    try:
        d = Deployment(node.bootstrap, tmp_path / "state")
        workers: list[Worker] = []
        await d.declare("loans")
        async with d.member("first", workers=workers):
            await d.write("loans", range(100))
            await until(lambda: _all_of(d, "loans", 100))
            await asyncio.to_thread(node.stop)
            node = await asyncio.to_thread(start_broker, tmp_path / "other", port)
            other = KafkaLog(Connection(node.bootstrap), d.namespace, "other")
            await other.create(stream_topics(d.namespace, declared("loans")))
            stranger = Publisher(other, d.namespace, d.streams)
            values = [label(number) for number in range(1000, 1500)]
            await stranger.publish([Outputs(LABELS, "loans", values, [b"%d" % number for number in range(500)])])
            await until(lambda: _fails_with(workers[0], "belongs to cluster"))
            await stranger.close()
            await other.close()
            await asyncio.to_thread(node.stop)
            node = await asyncio.to_thread(start_broker, tmp_path / "right", port)
            await _retry(lambda: d.write("loans", range(100, 200)))
            await until(lambda: _all_of(d, "loans", 200))
        assert d.counted("loans") == (set(range(200)), 200)
        await d.close()
    finally:
        await asyncio.to_thread(node.stop)


async def _fails_with(worker: Worker, text: str) -> bool:
    return text in str(worker.last_error)


async def _retry(attempt: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                return await attempt()
            except TransientError:
                await asyncio.sleep(0.1)


class HeldListener:
    """Takes partitions, the first of them only once it is `released`."""

    def __init__(self) -> None:
        self.joined, self.released = asyncio.Event(), asyncio.Event()

    async def on_assigned(self, _: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.joined.set()
        await self.released.wait()
        return {}

    async def on_revoked(self, _: Collection[TopicPartition]) -> None:
        pass


async def test_a_member_whose_topics_change_while_it_joins_joins_again_and_reads(broker: str, tmp_path: Path) -> None:
    d = Deployment(broker, tmp_path)
    await d.declare("loans")
    await d.declare("fraud")
    await d.write("fraud", range(10))
    listener, topics = HeldListener(), [LABELS.name(d.namespace, name) for name in ("loans", "fraud")]
    source = await d.log.source("counting", listener)
    await source.subscribe(topics[:1])
    polling = asyncio.create_task(source.poll(100, 0.2))
    await listener.joined.wait()
    await source.subscribe(topics)
    listener.released.set()
    fetched = await polling
    async with asyncio.timeout(60):
        while sum(len(batch.records) for batch in fetched) < 10:
            fetched += await source.poll(100, 0.2)
    await source.close()
    await d.close()
