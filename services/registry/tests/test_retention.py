"""What is left of retention: computed from the log, told before it is over, once for each change."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import NewTopic, RecordBatch, TopicPartition, TopicRetention
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.read_topics import ReadTopic, read_topics
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import ALERTS, PREDICTIONS
from penstock.registry.addresses import Addresses
from penstock.registry.retention.lags import LONG_S, LOOKS, Lags
from penstock.registry.retention.retention_left import (
    RetentionLeft,
    SlowestPosition,
    level_after,
    retention_left,
)
from penstock.registry.retention.retention_survey import survey
from penstock.registry.retention.retention_watch import RetentionWatch
from penstock.registry.wiring import Parts, registry_of, service_of
from penstock.runtime.service import Resources
from penstock.runtime.single_process import SingleProcess, VirtualClock

from .conftest import DECLARATION

DAY = 86_400
NOW = 1_700_000_000_000
EVENTS = "penstock.loans.events"
READ = ReadTopic("loans", EVENTS, 1, ("drift-detector", "server"))
DECLARED = StreamDeclared(source="t", id="1", time="2026-01-01T00:00:00Z", version=1, declaration=DECLARATION)


def left(share: float, seconds: float = 7 * DAY) -> RetentionLeft:
    return RetentionLeft("loans", EVENTS, 0, "server", 7, seconds, share)


@pytest.mark.parametrize(
    ("slowest", "retention", "expected"),
    [
        (SlowestPosition("server", 100, 0, 100, 0, 1), TopicRetention(7 * DAY * 1000, 1000, {0: 500}), (200, 1)),
        (SlowestPosition("server", 40, 0, 100, 0, 1), TopicRetention(7 * DAY * 1000, 1000, {0: 1000}), (40, 0.4)),
        (SlowestPosition("server", 40, 0, 100, 0, 0), TopicRetention(7 * DAY * 1000, 1000, {0: 1000}), (7 * DAY, 0.4)),
        (SlowestPosition("server", 40, 0, 100, 6 * DAY, 0), TopicRetention(7 * DAY * 1000, None, {0: 9}), (DAY, 1 / 7)),
        (SlowestPosition("server", 40, 0, 100, 8 * DAY, 0), TopicRetention(7 * DAY * 1000, None, {0: 9}), (0, 0)),
        (SlowestPosition("server", 40, 41, 100, 0, 0), TopicRetention(None, None, {0: 9}), (0, 0)),
    ],
)
def test_what_is_left_is_the_lesser_of_time_and_bytes_and_nothing_once_records_are_gone(
    slowest: SlowestPosition, retention: TopicRetention, expected: tuple[float, float]
) -> None:
    found = retention_left(READ, 0, slowest, retention)
    assert (found.seconds, found.share) == (pytest.approx(expected[0]), pytest.approx(expected[1]))


@given(st.lists(st.floats(-0.1, 1), min_size=1, max_size=30))
def test_a_level_that_goes_to_and_fro_over_its_bound_changes_once(shares: list[float]) -> None:
    level, changes = level_after("ample", left(0.249)), 0
    for share in shares:
        after = level_after(level, left(0.24 + 0.1 * share))
        changes += after != level
        level = after
    assert (level, changes) == ("low", 0)


@pytest.mark.parametrize(
    ("share", "seconds", "expected"),
    [(0.26, DAY, "ample"), (0.24, DAY, "low"), (0.6, 60, "ample"), (0.4, 3599, "low"), (0, DAY, "passed")],
)
def test_low_is_a_quarter_of_the_retention_or_an_hour_of_one_that_is_half_used_up(
    share: float, seconds: float, expected: str
) -> None:
    assert level_after("ample", left(share, seconds)) == expected


@dataclass
class Deployment:
    """A stream on a memory log, and a registry's watch over it."""

    clock: VirtualClock
    log: MemoryLog
    watch: RetentionWatch

    async def write(self, count: int, size: int = 100) -> None:
        sink = await self.log.sink()
        await (await sink.send([RecordBatch(EVENTS, 0, [None] * count, [b"x" * size] * count)]))

    def commit(self, group: str, position: int) -> None:
        self.log.commits(group)[EVENTS, 0] = position

    def wait(self, days: float) -> None:
        self.clock.advance_to(self.clock() + int(days * DAY * 1000))

    def records(self, kind: str) -> list[Alert]:
        records = [Alert.from_json(record.value or b"") for record in self.log.records_of((ALERTS.name("penstock"), 0))]
        return [record for record in records if record.kind == kind]

    def alerts(self) -> list[tuple[str, str]]:
        return [(record.severity, record.message) for record in self.records("retention")]

    async def worst(self) -> RetentionLeft:
        await self.watch.check()
        return next(found for found in self.watch.left if found.topic == EVENTS)


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    process = SingleProcess(VirtualClock(NOW))
    resources = process.resources()
    resources.streams.apply(DECLARED)
    await process.log.create([*control_topics("penstock"), *stream_topics("penstock", DECLARED)])
    yield Deployment(process.clock, process.log, RetentionWatch(resources))
    await resources.close()


async def test_a_group_that_is_down_is_told_of_before_it_loses_records_and_when_it_does(deployment: Deployment) -> None:
    await deployment.write(100)
    deployment.commit("server", 100)
    deployment.commit("drift-detector", 40)
    found = await deployment.worst()
    assert (found.group, found.position, found.share) == ("drift-detector", 40, pytest.approx(1, abs=0.01))
    days = DECLARATION.retention.days
    deployment.wait(0.7 * days)
    assert (await deployment.worst()).seconds == pytest.approx(0.3 * days * DAY, abs=300)
    assert deployment.alerts() == []
    deployment.wait(0.1 * days)
    for _ in range(3):
        await deployment.watch.check()
    deployment.wait(0.21 * days)
    await deployment.watch.check()
    deployment.commit("drift-detector", 100)
    await deployment.watch.check()
    assert [severity for severity, _ in deployment.alerts()] == ["warning", "critical", "info"]
    assert "penstock.loans.events/0: drift-detector is at offset 40, and in " in deployment.alerts()[0][1]


async def test_what_a_group_has_not_read_is_measured_also_while_it_is_down(deployment: Deployment) -> None:
    unread = 'penstock_unread_records{group="drift-detector",stream="loans",topic="penstock.loans.events"}'
    await deployment.write(100)
    deployment.commit("server", 100)
    deployment.commit("drift-detector", 40)
    await deployment.watch.check()
    assert f"{unread} 60.0" in metrics_of(deployment.watch._resources)
    deployment.commit("drift-detector", 100)
    await deployment.watch.check()
    assert f"{unread} 0.0" in metrics_of(deployment.watch._resources)


async def test_a_registry_that_starts_again_tells_of_the_same_under_the_same_id(deployment: Deployment) -> None:
    await deployment.write(100)
    deployment.wait(0.9 * DECLARATION.retention.days)
    await deployment.watch.check()
    again = RetentionWatch(deployment.watch._resources)
    await again.check()
    for kind in ("retention", "lag"):
        first, second = [record.id for record in deployment.records(kind)]
        assert first == second


async def test_a_group_that_lags_by_minutes_is_told_of_once_and_once_when_it_has_caught_up(
    deployment: Deployment,
) -> None:
    await deployment.write(100)
    for group in READ.groups:
        deployment.commit(group, 60)
    deployment.wait(4 / 1440)
    await deployment.watch.check()
    assert deployment.records("lag") == []
    for _ in range(3):
        deployment.wait(2 / 1440)
        await deployment.watch.check()
    (alert,) = deployment.records("lag")
    assert (alert.state, alert.key) == ("firing", "lag/loans/penstock.loans.events")
    assert alert.message.startswith("drift-detector has not read what was written to penstock.loans.events/0 0:0")
    for group in READ.groups:
        deployment.commit(group, 100)
    for _ in range(LOOKS + 3):
        await deployment.watch.check()
    assert [one.state for one in deployment.records("lag")] == ["firing", "resolved"]


@given(st.lists(st.sampled_from([0.0, LONG_S]), max_size=40))
def test_a_lag_that_comes_and_goes_is_one_until_it_was_away_for_some_looks(ages: list[float]) -> None:
    lags, states = Lags(), []
    for age in ages:
        states += [change.state for change in lags.after([left(1.0)._replace(age=age)])]
    assert states == ["firing", "resolved"] * (len(states) // 2) + ["firing"] * (len(states) % 2)
    text = "".join("x" if age else "-" for age in ages)
    begun, ended = re.findall(rf"x(?:-{{0,{LOOKS - 1}}}x)*", text), re.findall(rf"x-{{{LOOKS}}}", text)
    assert len(states) == len(begun) + len(ended)


async def test_bytes_pass_a_group_sooner_than_time_where_much_is_written(deployment: Deployment) -> None:
    retention = (await deployment.log.retention([EVENTS]))[EVENTS]
    assert retention.bytes is not None
    await deployment.write(80, size=retention.bytes // 100)
    found = await deployment.worst()
    assert found.share == pytest.approx(0.2, abs=0.01)
    assert found.seconds == pytest.approx(20 / (80 / 300), rel=0.01)
    assert [severity for severity, _ in deployment.alerts()] == ["warning"]


async def test_without_records_or_with_all_of_them_read_everything_is_left(deployment: Deployment) -> None:
    await deployment.watch.check()
    assert {found.share for found in deployment.watch.left} == {1.0}
    await deployment.write(10)
    for group in READ.groups:
        deployment.commit(group, 10)
    deployment.wait(100)
    assert (await deployment.worst()).share == 1.0


def test_every_topic_that_groups_read_and_records_expire_from_is_looked_at(deployment: Deployment) -> None:
    read = read_topics("penstock", deployment.watch._resources.streams)
    found = [topic for topic in read if topic.expires]
    assert {read.topic.removeprefix("penstock.") for read in found} == {
        "commands", "statistics", "drift", "alerts", "dead-letters", "loans.rejected", "loans.dead-letters",
        "loans.received", "loans.events", "loans.labels", "loans.predictions", "loans.outcomes", "loans.counts",
    }  # fmt: skip
    assert {read.partitions for read in found if read.stream and "outcomes" in read.topic} == {1}


class OwnsNothing:
    """A member of a group that does not ask where to start."""

    async def on_assigned(self, _: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {}

    async def on_revoked(self, _: Collection[TopicPartition]) -> None: ...


async def test_a_destination_of_the_notifier_that_stands_still_is_told_of_and_a_former_one_is_not(
    deployment: Deployment,
) -> None:
    alerts = (ALERTS.name("penstock"), 0)
    deployment.log.append([RecordBatch(*alerts, [None] * 9, [b"x"] * 9)])
    for group, position in (("registry", 9), ("notifier-ops", 3), ("notifier-former", 1)):
        deployment.log.commits(group)[alerts] = position
    await deployment.log.source("notifier-ops", OwnsNothing())
    await deployment.watch.check()
    (found,) = [found for found in deployment.watch.left if found.topic == alerts[0]]
    assert (found.group, found.position) == ("notifier-ops", 3)


async def test_the_archiver_is_waited_for_once_it_has_begun(deployment: Deployment) -> None:
    """A deployment of before, which had none, is upgraded: its log may be old, and nothing is wrong."""
    predictions = (PREDICTIONS.name("penstock", "loans"), 0)
    deployment.log.append([RecordBatch(*predictions, [None] * 9, [b"x"] * 9)])
    deployment.log.commits("drift-detector")[predictions] = 9

    async def unread() -> int:
        await deployment.watch.check()
        (found,) = [found for found in deployment.watch.left if found.topic == predictions[0]]
        return found.unread

    assert await unread() == 0
    deployment.log.commits("archiver")[predictions] = 3
    assert await unread() == 6


class CountingLog(MemoryLog):
    """Counts the requests for offsets."""

    requests = 0

    async def reach(self) -> None:
        self.requests += 1
        await super().reach()


async def test_a_check_takes_few_requests_however_many_topics_there_are() -> None:
    log = CountingLog(lambda: NOW)
    reads = [ReadTopic(f"s{number}", f"penstock.s{number}.events", 4, READ.groups) for number in range(200)]
    await log.create([NewTopic(read.topic, read.partitions, 1000, 1000) for read in reads])
    log.requests = 0
    assert len(await survey(log, reads, NOW)) == 200
    assert log.requests == 6


async def test_a_registry_checks_by_itself_and_shows_and_measures_what_is_left(parts: Parts) -> None:
    process = SingleProcess(VirtualClock(NOW))
    resources = process.resources()
    resources.streams.apply(DECLARED)
    await process.log.create([*control_topics("penstock"), *stream_topics("penstock", DECLARED)])
    process.log.append([RecordBatch(EVENTS, 0, [None], [b"x"])])
    process.clock.advance_to(NOW + int(0.9 * DECLARATION.retention.days * DAY * 1000))
    service = service_of(registry_of(parts, resources), Addresses("penstock", "", "", ""), resources)
    assert service.app is not None
    tasks = [asyncio.ensure_future(task()) for task in service.tasks]
    transport = httpx.ASGITransport(app=service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://registry") as client, asyncio.timeout(30):
        while not (view := (await client.get("/v1/retention", params={"limit": 1})).json())["topics"]:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0)
    (shown,) = view["topics"]
    assert (shown["topic"], shown["group"], shown["level"]) == (EVENTS, "drift-detector", "low")
    assert shown["seconds"] == pytest.approx(0.1 * DECLARATION.retention.days * DAY, abs=300)
    assert f'penstock_retention_left_seconds{{stream="loans"}} {shown["seconds"]}' in metrics_of(resources)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_check_that_the_log_does_not_answer_is_shown_and_tried_again(deployment: Deployment) -> None:
    deployment.log.away = True
    task = asyncio.ensure_future(deployment.watch.run())
    async with asyncio.timeout(30):
        while deployment.watch.failure is None:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0)
    assert deployment.watch.failure == "the log is away"
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    deployment.log.away = False


def metrics_of(resources: Resources) -> str:
    return resources.metrics.exposition()[0].decode()
