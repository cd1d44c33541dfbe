"""The unit is the border of failure: what is wrong with one holds back that one, is found, seen, and can be resumed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.bus.errors import TransientError
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.unit_state import MemoryStateStores, State, StateStore
from penstock.bus.topics import control_topics, stream_topics
from penstock.bus.worker.unit_failure import PROBE
from penstock.bus.worker.worker import Worker
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.records.events import Label
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import LABELS, OUTCOMES
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import memory_telemetry

from .label_stream import declared
from .test_worker import label, until

NAMESPACE = "test"
Fails = Callable[[str, int], Exception | None]
"""The error for a record of a stream, by its number."""


@dataclass
class RunningSum:
    """Writes the sum of all numbers of its stream so far; it fails at the records that `fails` names."""

    stream: str
    state: State
    fails: Fails

    def handle(self, batch: Batch[Label]) -> Iterable[AnyOutputs]:
        sums = []
        for record in batch.records:
            number = int(record.data.event_id)
            total = int(self.state.get(b"sum") or 0) + number
            self.state.put(b"sum", b"%d" % total)
            sums.append(b"%d:%d" % (number, total))
            error = self.fails(self.stream, number)
            if error is not None:
                raise error
        return [Outputs(OUTCOMES, self.stream, sums, [None] * len(sums))]


@dataclass
class Site:
    """Streams on a memory log, and one worker that sums their labels."""

    fails: Fails
    names: Sequence[str] = ("a", "b", "c", "d", "e")
    is_new_version: bool = False
    state_stores: MemoryStateStores = field(default_factory=MemoryStateStores)

    def __post_init__(self) -> None:
        self.log = MemoryLog()
        self.metrics = Metrics()
        streams = Streams()
        for name in self.names:
            streams.apply(declared(name))

        def open_sums(unit: Unit, state: State) -> Sequence[Route]:
            assert unit.stream is not None
            return [route(LABELS, RunningSum(unit.stream, state, self.fails).handle)]

        self.worker = Worker(
            Group("sums", (LABELS,), open_sums, stateful=True),
            self.log,
            NAMESPACE,
            streams,
            self.state_stores,
            memory_telemetry()[0],
            self.metrics,
            is_new_version=self.is_new_version,
        )

    async def prepare(self) -> None:
        for name in self.names:
            await self.log.create(stream_topics(NAMESPACE, declared(name)))
        await self.log.create(control_topics(NAMESPACE))

    def write(self, stream: str, *values: bytes) -> None:
        self.log.append([RecordBatch.single(f"{NAMESPACE}.{stream}.labels", 0, b"key", value) for value in values])

    def values(self, topic: str) -> list[bytes]:
        return [record.value or b"" for record in self.log.records_of((f"{NAMESPACE}.{topic}", 0))]

    def sums(self, stream: str) -> list[bytes]:
        return self.values(f"{stream}.outcomes")

    def dead(self, stream: str) -> list[int]:
        return [json.loads(value)["data"]["offset"] for value in self.values(f"{stream}.dead-letters")]

    def alerts(self) -> list[tuple[str, str]]:
        alerts = [json.loads(value)["data"] for value in self.values("alerts")]
        return [(alert["subject"], alert["stream"]) for alert in alerts]

    async def committed(self, stream: str) -> int:
        return (await self.log.committed("sums")).get((f"{NAMESPACE}.{stream}.labels", 0), 0)

    async def work_until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await self.worker.step(0.01)


@asynccontextmanager
async def open_site(fails: Fails, **settings: object) -> AsyncIterator[Site]:
    site = Site(fails, **settings)  # type: ignore[arg-type]
    await site.prepare()
    yield site
    await site.worker.close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.bus.worker.unit_failure.FIRST_PAUSE", 0.001)
    monkeypatch.setattr("penstock.bus.worker.unit_failure.LONGEST_PAUSE", 0.01)


def sums_without(numbers: Iterable[int], left_out: Iterable[int]) -> list[bytes]:
    total, lines = 0, []
    for number in numbers:
        if number not in left_out:
            total += number
            lines.append(b"%d:%d" % (number, total))
    return lines


def at(stream: str, *numbers: int) -> Fails:
    return lambda name, number: KeyError(number) if name == stream and number in numbers else None


@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=4))
@settings(max_examples=40)
async def test_records_that_fail_alone_become_dead_letters_and_all_else_comes_in_order(
    count: int, poison: set[int]
) -> None:
    async with open_site(at("a", *poison)) as site:
        numbers, expected = range(count), sorted(number for number in poison if number < count)
        site.write("a", *map(label, numbers))
        site.write("b", *map(label, numbers))
        await site.work_until(lambda: len(site.sums("a")) + len(site.dead("a")) == count)
        assert site.sums("a") == sums_without(numbers, poison)
        assert site.dead("a") == expected
        assert site.sums("b") == sums_without(numbers, ())
        assert site.worker.failures() == {}
        await site.worker.step(0)
        assert await site.committed("a") == await site.committed("b") == count


async def test_the_others_go_on_while_one_unit_fails_for_ever() -> None:
    async with open_site(lambda name, _: TransientError("its model is away") if name == "a" else None) as site:
        for number in range(20):
            for stream in ("a", "b"):
                site.write(stream, label(number))
            await site.worker.step(0)
        await site.work_until(lambda: len(site.sums("b")) == 20)
        await site.work_until(lambda: "its model is away" in site.worker.failures().get("sums/a/0", ""))
        assert site.sums("a") == []
        assert site.dead("a") == []
        assert await site.committed("a") == 0


async def test_a_unit_goes_on_where_it_was_once_what_failed_is_over() -> None:
    away = True
    async with open_site(lambda _, number: TransientError("away") if away and number == 3 else None) as site:
        for number in range(6):
            site.write("a", label(number))
            await site.worker.step(0)
        assert site.sums("a") == sums_without(range(3), ())
        away = False
        await site.work_until(lambda: len(site.sums("a")) == 6)
        assert site.sums("a") == sums_without(range(6), ())
        assert site.dead("a") == []


async def test_a_unit_whose_records_are_mostly_unreadable_is_suspended_with_an_alert_and_no_dead_letter() -> None:
    async with open_site(lambda *_: None) as site:
        site.write("a", *[b"garbage"] * 501)
        site.write("b", *map(label, range(10)))
        await site.work_until(lambda: bool(site.alerts()))
        assert site.alerts() == [("suspended-unit", "a")]
        assert site.dead("a") == []
        assert site.sums("b") == sums_without(range(10), ())
        assert "suspended since" in site.worker.failures()["sums/a/0"]
        labels = {"group": "sums", "state": "suspended"}
        assert site.metrics.registry.get_sample_value("penstock_failing_units", labels) == 1


async def test_a_suspended_unit_goes_on_when_a_person_resumes_it() -> None:
    async with open_site(lambda *_: None) as site:
        site.write("a", *[b"garbage"] * 501, label(1))
        await site.work_until(lambda: bool(site.alerts()))
        assert site.worker.resume("b") == []
        assert site.worker.resume("a") == [0]
        await site.work_until(lambda: len(site.sums("a")) == 1)
        assert site.dead("a") == list(range(501))
        assert site.worker.failures() == {}
        assert ("resumed-unit", "a") in site.alerts()


async def test_a_suspended_unit_goes_on_by_itself_once_its_records_can_be_handled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("penstock.bus.worker.unit_failure.FIRST_SUSPENSION", 0.001)
    monkeypatch.setattr("penstock.bus.worker.unit_failure.LONGEST_SUSPENSION", 0.01)
    broken = True
    async with open_site(lambda *_: KeyError() if broken else None) as site:
        numbers = range(2 * PROBE + 150)
        site.write("a", *map(label, numbers))
        await site.work_until(lambda: ("suspended-unit", "a") in site.alerts())
        put_aside = site.dead("a")
        assert len(put_aside) == 100
        for _ in range(50):
            await site.worker.step(0)
        assert site.dead("a") == put_aside
        broken = False
        await site.work_until(lambda: len(site.sums("a")) + len(put_aside) == len(numbers))
        assert site.alerts()[-1] == ("resumed-unit", "a")
        assert site.dead("a") == put_aside


@pytest.mark.parametrize("failing", [("a", "b", "c"), ("a", "b", "c", "d", "e")])
async def test_an_error_that_half_of_the_units_share_ends_the_worker_and_puts_nothing_aside(failing: str) -> None:
    async with open_site(lambda name, _: KeyError() if name in failing else None) as site:
        for name in site.names:
            site.write(name, *map(label, range(3)))
        with pytest.raises(KeyError):
            await site.worker.run()
        assert [site.dead(name) for name in site.names] == [[]] * 5


async def test_an_error_that_two_units_share_ends_a_version_that_has_just_been_started() -> None:
    async with open_site(lambda name, _: KeyError() if name in "ab" else None, is_new_version=True) as site:
        site.write("a", *map(label, range(3)))
        for _ in range(30):
            await site.worker.step(0.005)
        assert site.dead("a") == []  # the fault may be the version's
        site.write("b", label(0))
        with pytest.raises(KeyError):
            await site.worker.run()
        assert site.dead("a") == site.dead("b") == []


async def test_a_record_that_fails_differently_each_time_is_not_put_aside() -> None:
    errors = [KeyError, ValueError]

    def fails(name: str, number: int) -> Exception | None:
        errors.reverse()
        return errors[0](number) if name == "a" else None

    async with open_site(fails) as site:
        site.write("a", label(0))
        for _ in range(100):
            await site.worker.step(0.001)
        assert site.dead("a") == []


class UnopenableStores(MemoryStateStores):
    """Stores of which some cannot be opened for a while."""

    def __init__(self, failures: Mapping[str | None, int]) -> None:
        super().__init__()
        self.failures = dict(failures)
        self.opened: list[str | None] = []
        self.closed = self.most_open = 0

    def open(self, group: str, stream: str | None, partition: int) -> StateStore:
        if self.failures.get(stream, 0):
            self.failures[stream] -= 1
            raise TransientError("locked")
        self.opened.append(stream)
        self.most_open = max(self.most_open, len(self.opened) - self.closed)
        store = super().open(group, stream, partition)
        store.close = self._count_closed  # type: ignore[method-assign]
        return store

    def _count_closed(self) -> None:
        self.closed += 1


async def test_a_unit_whose_state_cannot_be_opened_waits_alone() -> None:
    stores = UnopenableStores({"a": 3})
    async with open_site(lambda *_: None, state_stores=stores) as site:
        site.write("a", *map(label, range(5)))
        site.write("b", *map(label, range(5)))
        await site.work_until(lambda: len(site.sums("b")) == 5)
        await site.work_until(lambda: len(site.sums("a")) == 5)
        assert site.sums("a") == sums_without(range(5), ())
        assert stores.failures == {"a": 0}
        assert site.worker.failures() == {}


async def test_a_unit_is_opened_at_its_first_record() -> None:
    stores = UnopenableStores({})
    async with open_site(lambda *_: None, state_stores=stores) as site:
        await site.worker.step(0)
        assert stores.opened == []
        site.write("c", label(1))
        await site.work_until(lambda: len(site.sums("c")) == 1)
        assert stores.opened == ["c"]


async def test_few_stores_are_open_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.bus.worker.assigned_units.MAX_OPEN_STORES", 2)
    stores = UnopenableStores({})
    async with open_site(lambda *_: None, state_stores=stores) as site:
        for number in range(4):
            for stream in site.names:
                site.write(stream, label(number))
            await site.worker.step(0)
        assert all(site.sums(stream) == sums_without(range(4), ()) for stream in site.names)
        assert stores.most_open == 2
        assert len(stores.opened) >= 5
        assert site.worker.failures() == {}
    assert stores.closed == len(stores.opened)


async def test_a_lost_state_is_built_anew_from_the_log_whatever_was_committed() -> None:
    async with open_site(lambda *_: None) as site:
        site.write("a", *map(label, range(5)))
        site.log.commits("sums")[f"{NAMESPACE}.a.labels", 0] = 3
        await site.work_until(lambda: len(site.sums("a")) == 5)
        assert site.sums("a") == sums_without(range(5), ())


async def test_a_stream_whose_topic_was_deleted_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.bus.worker.step_writer.TOPICS_AFTER", 0.01)
    monkeypatch.setattr("penstock.bus.worker.worker.FIRST_PAUSE", 0.001)
    async with open_site(lambda *_: None) as site:
        topic = site.log.delete(f"{NAMESPACE}.a.outcomes")
        running = asyncio.create_task(site.worker.run())
        async with asyncio.timeout(60):
            for number in range(10):
                site.write("a", label(number))
                site.write("b", label(number))
                await until(lambda: len(site.sums("b")) > number)  # noqa: B023 - awaited here
            await until(lambda: "there is no topic test.a.outcomes" in site.worker.failures().get("sums/a/0", ""))
            await site.log.create([topic])
            await until(lambda: len(site.sums("a")) >= 10)
        running.cancel()
        await asyncio.wait({running})
        assert list(dict.fromkeys(site.sums("a"))) == sums_without(range(10), ())
        assert list(dict.fromkeys(site.sums("b"))) == sums_without(range(10), ())


async def test_a_failing_unit_of_which_nothing_is_left_to_try_is_waited_for_without_haste() -> None:
    async with open_site(lambda name, _: TransientError("away") if name == "a" else None) as site:
        site.write("a", label(0))
        await site.work_until(lambda: bool(site.worker.failures()))
        key = (f"{NAMESPACE}.a.labels", 0)
        await site.worker.on_revoked([key])  # what was fetched of it is dropped: the next record is what it waits for
        await site.worker.on_assigned([key])
        (unit,) = (unit for unit in site.worker._units if unit.failure is not None)
        unit.positions, unit.failure = {key[0]: 0}, replace(unit.failure, retry_at=0.0) if unit.failure else None
        assert site.worker._retries.due() == []
        assert site.worker._retries.wait(0.25) == 0.25
