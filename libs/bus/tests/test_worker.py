"""The worker: nothing is committed before it was confirmed, and repeated work changes nothing."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.bus.errors import BrokerUnavailable, TransientError
from penstock.bus.memory.faulty_log import Fault, FaultyLog
from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.unit_state import Changes, MemoryStateStore, MemoryStateStores, State, StateStore, StateStores
from penstock.bus.topics import stream_topics
from penstock.bus.worker.worker import MAX_POLL_RECORDS, Worker
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.events import Label
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import LABELS, OUTCOMES, STREAM_DEAD_LETTERS
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import memory_telemetry

NAMESPACE = "test"
DECLARATION = """
[stream]
name = "loans"
task = "binary"
[label]
name = "y"
classes = ["0", "1"]
[fields]
x = { type = "number" }
"""
LOANS = StreamDeclared.model_validate(
    {
        "source": "t",
        "id": "loans-1",
        "time": "2026-01-01T00:00:00Z",
        "version": 1,
        "declaration": parse_declaration(DECLARATION),
    }
)
IN, OUT = (f"{NAMESPACE}.loans.labels", 0), (f"{NAMESPACE}.loans.outcomes", 0)
DEAD = (f"{NAMESPACE}.loans.dead-letters", 0)


def label(number: int) -> bytes:
    record = {
        "type": "penstock.label.v1",
        "source": "t",
        "id": str(number),
        "time": "2026-01-01T00:00:00Z",
        "data": {"event_id": str(number), "event_source": "t", "value": "1"},
    }
    return json.dumps(record).encode()


class RunningSum:
    """Writes the sum of all numbers so far; a number counts once."""

    def __init__(self, state: State) -> None:
        self.state = state

    def handle(self, batch: Batch[Label]) -> Iterable[AnyOutputs]:
        records = []
        for record in batch.records:
            key = record.data.event_id.encode()
            if self.state.get(key) is None:
                total = int(self.state.get(b"sum") or 0) + int(record.data.event_id)
                self.state.put(key, b"%d" % total)
                self.state.put(b"sum", b"%d" % total)
            records.append(key + b":" + (self.state.get(key) or b""))
        return [Outputs(OUTCOMES, "loans", records, [None] * len(records), causes=range(len(records)))]


def open_sums(unit: Unit, state: State) -> Sequence[Route]:
    assert unit == Unit("loans", 0)
    return [route(LABELS, RunningSum(state).handle)]


SUMS = Group("sums", (LABELS,), open_sums, stateful=True)


@dataclass
class Deployment:
    """A log, state stores, and workers on them."""

    log: FaultyLog = field(default_factory=FaultyLog)
    state_stores: StateStores = field(default_factory=MemoryStateStores)
    streams: Streams = field(default_factory=Streams)

    async def prepare(self) -> None:
        self.streams.apply(LOANS)
        await self.log.create(stream_topics(NAMESPACE, LOANS))

    def worker(self, group: Group = SUMS) -> Worker:
        self.telemetry, self.spans = memory_telemetry()
        self.metrics = Metrics()
        return Worker(group, self.log, NAMESPACE, self.streams, self.state_stores, self.telemetry, self.metrics)

    def write(self, *values: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        self.log.append([RecordBatch.single(*IN, b"key", value, headers) for value in values])

    def outputs(self, topic_partition: tuple[str, int] = OUT) -> list[bytes]:
        return [record.value or b"" for record in self.log.records_of(topic_partition)]

    def stored(self) -> tuple[dict[bytes, bytes], dict[str, int]]:
        store = self.state_stores.open("sums", "loans", 0)
        return dict(store.scan(b"")), store.positions()

    def gauge(self, name: str, topic: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"topic": topic})

    async def committed(self, group: Group = SUMS) -> int:
        return (await self.log.committed(group.name)).get(IN, 0)


@asynccontextmanager
async def open_deployment(*faults: Fault) -> AsyncIterator[Deployment]:
    deployment = Deployment(FaultyLog(faults))
    await deployment.prepare()
    yield deployment
    assert deployment.log.sinks == 0, "a sink was left open"


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the memory bus has no event for it
            await asyncio.sleep(0)


async def test_outputs_are_written_in_order_then_state_and_commit() -> None:
    async with open_deployment() as b:
        b.write(*map(label, range(5)))
        worker = b.worker()
        assert await worker.step(0) == 5
        assert b.outputs() == [b"0:0", b"1:1", b"2:3", b"3:6", b"4:10"]
        assert b.stored()[1] == {IN[0]: 5}
        await worker.close()
        assert await b.committed() == 5


@pytest.mark.parametrize("fault", ["refused", "lost", "doubtful"])
async def test_without_a_confirmation_nothing_is_written_or_committed_and_the_work_is_repeated(fault: Fault) -> None:
    async with open_deployment(fault) as b:
        b.write(*map(label, range(3)))
        worker = b.worker()
        with pytest.raises(BrokerUnavailable):
            await worker.step(0)
        assert b.stored() == ({}, {})
        await worker.abandon()
        assert await b.committed() == 0
        assert await worker.step(0) == 3
        assert b.outputs() == [b"0:0", b"1:1", b"2:3"] * (2 if fault == "doubtful" else 1)
        await worker.close()
        assert await b.committed() == 3


@pytest.mark.parametrize("stateful", [True, False])
async def test_a_worker_that_is_stopped_while_it_waits_has_committed_nothing_of_it(stateful: bool) -> None:
    group = Group("sums", (LABELS,), open_sums, stateful=stateful)
    async with open_deployment("none", "silent") as b:
        worker = b.worker(group)
        b.write(label(1))
        async with running(worker):
            await until(lambda: len(b.outputs()) == 1)
            b.write(label(2))
            await until(lambda: len(b.outputs()) == 2)
        assert await b.committed(group) == 1


async def test_a_worker_that_is_stopped_finishes_what_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.bus.worker.worker.MAX_REST", 0.0)
    async with open_deployment("held") as b:
        b.write(label(1))
        task = asyncio.create_task(b.worker().run())
        await until(lambda: len(b.outputs()) == 1)
        for _ in range(20):  # turns of the event loop, after which the worker waits for the confirmation
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        b.log.release.set()
        await asyncio.wait({task})
        assert await b.committed() == 1
        assert b.stored()[1] == {IN[0]: 1}


async def test_work_that_fails_with_a_transient_error_is_retried() -> None:
    attempts: list[int] = []

    async def handle(batch: Batch[Label]) -> Iterable[AnyOutputs]:
        attempts.append(len(batch.records))
        if len(attempts) < 3:
            raise TransientError("the registry is away")
        return [Outputs(OUTCOMES, "loans", [b"done"], [None])]

    group = Group("retrying", (LABELS,), lambda *_: [route(LABELS, handle)])
    async with open_deployment() as b:
        b.write(label(1), label(2))
        worker = b.worker(group)
        async with running(worker):
            await until(lambda: b.outputs() == [b"done"])
        assert attempts == [2, 2, 2]  # what is away is not the records' fault: no smaller slices are tried
        assert await b.committed(group) == 2


class _FailingStore(MemoryStateStore):
    failures = 1

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        if self.failures:
            self.failures -= 1
            raise TransientError("the disk is full")
        super().write(changes, positions)


class _FailingStores(MemoryStateStores):
    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        return self._stores.setdefault((group, stream, partition), _FailingStore())


async def test_outputs_whose_state_could_not_be_written_are_repeated_the_same() -> None:
    async with open_deployment() as b:
        b.state_stores = _FailingStores()
        b.write(*map(label, range(4)))
        worker = b.worker()
        await worker.step(0)
        assert "the disk is full" in worker.failures()["sums/loans/0"]
        assert b.stored()[0] == {}
        while await b.committed() < 4:
            await worker.step(0.05)
        assert b.outputs()[:4] == b.outputs()[4:]
        assert b.stored()[0][b"sum"] == b"6"
        await worker.close()


faults = st.lists(st.sampled_from(["refused", "lost", "doubtful", "none", "none"]), max_size=6)


@given(faults, st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=5))
async def test_under_any_faults_the_first_outputs_by_offset_are_those_of_a_run_without(
    faults: list[Fault], batches: list[list[int]]
) -> None:
    async with open_deployment(*faults) as faulty, open_deployment() as good:
        for b in (faulty, good):
            worker = b.worker()
            for batch in batches:
                b.write(*map(label, batch))
                await _step_until_it_succeeds(worker)
            await worker.close()
        assert list(dict.fromkeys(faulty.outputs())) == list(dict.fromkeys(good.outputs()))
        assert faulty.stored() == good.stored()
        assert await faulty.committed() == await good.committed() == sum(map(len, batches))


async def _step_until_it_succeeds(worker: Worker) -> None:
    while True:
        try:
            await worker.step(0)
        except TransientError:
            await worker.abandon()
        else:
            return


async def test_a_stateful_unit_starts_at_the_position_in_its_state_not_at_the_commit() -> None:
    async with open_deployment() as b:
        b.write(*map(label, range(6)))
        b.state_stores.open("sums", "loans", 0).write({b"sum": b"100"}, {IN[0]: 4})
        b.log.commits("sums")[IN] = 1
        worker = b.worker()
        await worker.step(0)
        assert b.outputs() == [b"4:104", b"5:109"]
        await worker.close()


async def test_a_commit_that_was_lost_after_the_state_was_written_is_made_good() -> None:
    async with open_deployment() as deployment:
        worker = deployment.worker()
        deployment.write(label(1))
        await worker.step(0)
        await worker.abandon()
        deployment.log.commits("sums").clear()
        while await deployment.committed() < 1:  # else the group would lag for ever behind a quiet topic
            await worker.step(0)
        await worker.close()


async def test_a_stand_in_takes_over_without_loss_or_repetition() -> None:
    async with open_deployment() as b:
        first, second = b.worker(), b.worker()
        b.write(*map(label, range(3)))
        assert await first.step(0) == 3
        assert await second.step(0) == 0
        await first.close()
        b.write(*map(label, range(3, 6)))
        assert await second.step(0) == 3
        assert b.outputs() == [b"0:0", b"1:1", b"2:3", b"3:6", b"4:10", b"5:15"]
        await second.close()


async def test_a_stream_that_is_declared_later_is_read_from_its_start() -> None:
    b = Deployment()
    worker = b.worker()
    assert await worker.step(0) == 0
    await b.prepare()
    b.write(label(1))
    assert await worker.step(0) == 1
    await worker.close()


async def test_metrics_count_records_consumed_and_produced_and_the_consumer_lag() -> None:
    async with open_deployment() as b:
        worker = b.worker()
        b.write(*map(label, range(MAX_POLL_RECORDS + 3)))
        await worker.step(0)
        assert b.gauge("penstock_records_consumed_total", IN[0]) == MAX_POLL_RECORDS
        assert b.gauge("penstock_records_produced_total", OUT[0]) == MAX_POLL_RECORDS
        assert b.gauge("penstock_lag_records", IN[0]) == 3
        await worker.step(0)
        assert b.gauge("penstock_lag_records", IN[0]) == 0
        await worker.close()


async def test_batches_in_flight_are_written_in_order_and_none_after_one_that_failed() -> None:
    async with open_deployment("none", "doubtful") as b:
        b.write(*map(label, range(3 * MAX_POLL_RECORDS)))
        worker = b.worker()
        async with running(worker):
            await until(
                lambda: len(b.outputs()) >= 4 * MAX_POLL_RECORDS
            )  # the second was written and has to be repeated
        expected = [f"{n}:{n * (n + 1) // 2}".encode() for n in range(3 * MAX_POLL_RECORDS)]
        repeated = expected[MAX_POLL_RECORDS:]
        assert b.outputs() == expected[: 2 * MAX_POLL_RECORDS] + repeated
        assert await b.committed() == 3 * MAX_POLL_RECORDS


# --- dead dead_letters


async def test_an_unreadable_record_is_kept_with_its_bytes_and_reason_and_its_neighbours_are_handled() -> None:
    garbage = bytes(range(256))
    async with open_deployment() as b:
        b.write(label(1))
        b.write(garbage, None, headers=[("h", b"\xff"), ("h", b"")])
        b.write(label(2))
        worker = b.worker()
        assert await worker.step(0) == 4
        assert b.outputs() == [b"1:1", b"2:3"]
        dead_letters = STREAM_DEAD_LETTERS.decoder(None)(b.log.records_of(DEAD))
        assert [base64.b64decode(dead_letters[0].data.value), dead_letters[1].data.value] == [garbage, None]
        assert (dead_letters[0].data.topic, dead_letters[0].data.partition, dead_letters[0].data.offset) == (*IN, 1)
        assert base64.b64decode(dead_letters[0].data.key) == b"key"
        assert dead_letters[0].data.headers == [("h", "/w=="), ("h", "")]
        assert dead_letters[0].data.consumer == "sums"
        assert dead_letters[0].data.reason
        assert dead_letters[1].data.reason == "the value is null"
        await worker.close()
        assert await b.committed() == 4
