"""The consumer loop: nothing is committed before it was confirmed, and work that is repeated changes nothing."""

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
from penstock.bus.state.state import Changes, MemoryStateStore, MemoryStateStores, State, StateStore, StateStores
from penstock.bus.topics import stream_topics
from penstock.bus.worker.worker import LARGEST_BATCH, Worker
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


def said(number: int) -> bytes:
    label = {
        "type": "penstock.label.v1",
        "source": "t",
        "id": str(number),
        "time": "2026-01-01T00:00:00Z",
        "data": {"event_id": str(number), "event_source": "t", "value": "1"},
    }
    return json.dumps(label).encode()


class Sums:
    """Writes the running sum of all numbers so far; a number counts once."""

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


def sums(unit: Unit, state: State) -> Sequence[Route]:
    assert unit == Unit("loans", 0)
    return [route(LABELS, Sums(state).handle)]


SUMS = Group("sums", (LABELS,), sums, stateful=True)


@dataclass
class Bench:
    """A log, the state_stores, and the worker of a group that is tried on them."""

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
        self.log.append([RecordBatch.one(*IN, b"key", value, headers) for value in values])

    def written(self, place: tuple[str, int] = OUT) -> list[bytes]:
        return [record.value or b"" for record in self.log.held(place)]

    def kept(self) -> tuple[dict[bytes, bytes], dict[str, int]]:
        store = self.state_stores.open("sums", "loans", 0)
        return dict(store.scan(b"")), store.positions()

    def gauge(self, name: str, topic: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"topic": topic})

    async def committed(self, group: Group = SUMS) -> int:
        return (await self.log.committed(group.name)).get(IN, 0)


@asynccontextmanager
async def bench(*faults: Fault) -> AsyncIterator[Bench]:
    made = Bench(FaultyLog(faults))
    await made.prepare()
    yield made
    assert made.log.sinks == 0, "a sink was left open"


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
        while not condition():  # noqa: ASYNC110 - the memory bus tells nobody
            await asyncio.sleep(0)


async def test_outputs_are_written_in_order_then_state_and_commit() -> None:
    async with bench() as b:
        b.write(*map(said, range(5)))
        worker = b.worker()
        assert await worker.step(0) == 5
        assert b.written() == [b"0:0", b"1:1", b"2:3", b"3:6", b"4:10"]
        assert b.kept()[1] == {IN[0]: 5}
        await worker.close()
        assert await b.committed() == 5


@pytest.mark.parametrize("fault", ["refused", "lost", "doubtful"])
async def test_without_a_confirmation_nothing_is_written_or_committed_and_the_work_is_repeated(fault: Fault) -> None:
    async with bench(fault) as b:
        b.write(*map(said, range(3)))
        worker = b.worker()
        with pytest.raises(BrokerUnavailable):
            await worker.step(0)
        assert b.kept() == ({}, {})
        await worker.abandon()
        assert await b.committed() == 0
        assert await worker.step(0) == 3
        assert b.written() == [b"0:0", b"1:1", b"2:3"] * (2 if fault == "doubtful" else 1)
        await worker.close()
        assert await b.committed() == 3


@pytest.mark.parametrize("stateful", [True, False])
async def test_a_worker_that_is_stopped_while_it_waits_has_committed_nothing_of_it(stateful: bool) -> None:
    group = Group("sums", (LABELS,), sums, stateful=stateful)
    async with bench("none", "silent") as b:
        worker = b.worker(group)
        b.write(said(1))
        async with running(worker):
            await until(lambda: len(b.written()) == 1)
            b.write(said(2))
            await until(lambda: len(b.written()) == 2)
        assert await b.committed(group) == 1


async def test_a_bug_in_a_handler_ends_the_worker_and_commits_nothing_of_the_batch() -> None:
    def handle(batch: Batch[Label]) -> Iterable[AnyOutputs]:
        raise ZeroDivisionError(len(batch.records))

    group = Group("buggy", (LABELS,), lambda *_: [route(LABELS, handle)])
    async with bench() as b:
        b.write(said(1))
        with pytest.raises(ZeroDivisionError):
            await b.worker(group).run()
        assert await b.committed(group) == 0


async def test_a_unit_that_cannot_be_opened_ends_the_worker_and_one_that_cannot_yet_is_tried_again() -> None:
    troubles: list[Exception] = [TransientError("the disk is away"), LookupError("a bug")]

    def open_unit(unit: Unit, state: State) -> Sequence[Route]:
        if unit.stream and troubles:
            raise troubles.pop(0)
        return sums(unit, state)

    group = Group("sums", (LABELS,), open_unit, stateful=True)
    async with bench() as b:
        b.write(said(1))
        async with asyncio.timeout(30):
            with pytest.raises(LookupError):
                await b.worker(group).run()
        assert not troubles
        assert await b.committed(group) == 0
        worker = b.worker(group)
        assert await worker.step(0) == 1
        await worker.close()


async def test_work_that_fails_for_now_is_tried_again() -> None:
    attempts: list[int] = []

    async def handle(batch: Batch[Label]) -> Iterable[AnyOutputs]:
        attempts.append(len(batch.records))
        if len(attempts) < 3:
            raise TransientError("the registry is away")
        return [Outputs(OUTCOMES, "loans", [b"done"], [None])]

    group = Group("patient", (LABELS,), lambda *_: [route(LABELS, handle)])
    async with bench() as b:
        b.write(said(1), said(2))
        worker = b.worker(group)
        async with running(worker):
            await until(lambda: b.written() == [b"done"])
        assert attempts == [2, 2, 2]
        assert await b.committed(group) == 2


class _FailingShelf(MemoryStateStore):
    failures = 1

    def write(self, changes: Changes, positions: Mapping[str, int]) -> None:
        if self.failures:
            self.failures -= 1
            raise TransientError("the disk is full")
        super().write(changes, positions)


class _FailingShelves(MemoryStateStores):
    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        return self._state_stores.setdefault((group, stream, partition), _FailingShelf())


async def test_a_crash_between_outputs_and_state_repeats_the_same_bytes() -> None:
    async with bench() as b:
        b.state_stores = _FailingShelves()
        b.write(*map(said, range(4)))
        worker = b.worker()
        with pytest.raises(TransientError):
            await worker.step(0)
        await worker.abandon()
        assert await worker.step(0) == 4
        assert b.written()[:4] == b.written()[4:]
        assert b.kept()[0][b"sum"] == b"6"
        await worker.close()


faults = st.lists(st.sampled_from(["refused", "lost", "doubtful", "none", "none"]), max_size=6)


@given(faults, st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=5))
async def test_whatever_goes_wrong_the_first_outputs_by_offset_are_those_of_a_good_run(
    faults: list[Fault], batches: list[list[int]]
) -> None:
    async with bench(*faults) as tried, bench() as good:
        for b in (tried, good):
            worker = b.worker()
            for batch in batches:
                b.write(*map(said, batch))
                await _insist(worker)
            await worker.close()
        assert list(dict.fromkeys(tried.written())) == list(dict.fromkeys(good.written()))
        assert tried.kept() == good.kept()
        assert await tried.committed() == await good.committed() == sum(map(len, batches))


async def _insist(worker: Worker) -> None:
    while True:
        try:
            await worker.step(0)
        except TransientError:
            await worker.abandon()
        else:
            return


async def test_a_unit_goes_on_from_its_state_whatever_the_group_committed() -> None:
    async with bench() as b:
        b.write(*map(said, range(6)))
        b.state_stores.open("sums", "loans", 0).write({b"sum": b"100"}, {IN[0]: 4})
        b.log.commits("sums")[IN] = 1
        worker = b.worker()
        await worker.step(0)
        assert b.written() == [b"4:104", b"5:109"]
        await worker.close()


async def test_a_stand_in_takes_over_with_nothing_lost_and_nothing_twice() -> None:
    async with bench() as b:
        first, second = b.worker(), b.worker()
        b.write(*map(said, range(3)))
        assert await first.step(0) == 3
        assert await second.step(0) == 0
        await first.close()
        b.write(*map(said, range(3, 6)))
        assert await second.step(0) == 3
        assert b.written() == [b"0:0", b"1:1", b"2:3", b"3:6", b"4:10", b"5:15"]
        await second.close()


async def test_a_stream_that_is_declared_later_is_read_from_its_start() -> None:
    b = Bench()
    worker = b.worker()
    assert await worker.step(0) == 0
    await b.prepare()
    b.write(said(1))
    assert await worker.step(0) == 1
    await worker.close()


async def test_metrics_say_what_was_read_what_was_written_and_what_is_left() -> None:
    async with bench() as b:
        worker = b.worker()
        b.write(*map(said, range(LARGEST_BATCH + 3)))
        await worker.step(0)
        assert b.gauge("penstock_records_consumed_total", IN[0]) == LARGEST_BATCH
        assert b.gauge("penstock_records_produced_total", OUT[0]) == LARGEST_BATCH
        assert b.gauge("penstock_lag_records", IN[0]) == 3
        await worker.step(0)
        assert b.gauge("penstock_lag_records", IN[0]) == 0
        await worker.close()


async def test_batches_ahead_are_written_in_their_order_and_none_after_one_that_failed() -> None:
    async with bench("none", "doubtful") as b:
        b.write(*map(said, range(3 * LARGEST_BATCH)))
        worker = b.worker()
        async with running(worker):
            await until(lambda: len(b.written()) >= 4 * LARGEST_BATCH)  # the second was written and has to be repeated
        expected = [f"{n}:{n * (n + 1) // 2}".encode() for n in range(3 * LARGEST_BATCH)]
        again = expected[LARGEST_BATCH:]
        assert b.written() == expected[: 2 * LARGEST_BATCH] + again
        assert await b.committed() == 3 * LARGEST_BATCH


# --- dead letters


async def test_an_unreadable_record_is_kept_with_its_bytes_and_reason_and_its_neighbours_are_handled() -> None:
    garbage = bytes(range(256))
    async with bench() as b:
        b.write(said(1))
        b.write(garbage, None, headers=[("h", b"\xff"), ("h", b"")])
        b.write(said(2))
        worker = b.worker()
        assert await worker.step(0) == 4
        assert b.written() == [b"1:1", b"2:3"]
        letters = STREAM_DEAD_LETTERS.decoder(None)(b.log.held(DEAD))
        assert [base64.b64decode(letters[0].data.value), letters[1].data.value] == [garbage, None]
        assert (letters[0].data.topic, letters[0].data.partition, letters[0].data.offset) == (*IN, 1)
        assert base64.b64decode(letters[0].data.key) == b"key"
        assert letters[0].data.headers == [("h", "/w=="), ("h", "")]
        assert letters[0].data.consumer == "sums"
        assert letters[0].data.reason
        assert letters[1].data.reason == "the value is null"
        await worker.close()
        assert await b.committed() == 4
