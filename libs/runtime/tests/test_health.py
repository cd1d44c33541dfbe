"""Health: a worker that makes no progress makes the service unhealthy, waiting does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from importlib.metadata import version

import httpx
import pytest
from starlette.applications import Starlette

from penstock.bus.errors import AccessDenied
from penstock.bus.memory.faulty_log import Fault, FaultyLog
from penstock.bus.memory.source import MemorySource
from penstock.bus.ports import RebalanceListener, RecordBatch, TopicPartition
from penstock.bus.routes import Group, route
from penstock.bus.state.unit_state import MemoryStateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.batch import output
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import COMMANDS, STREAMS
from penstock.runtime.health import Health
from penstock.runtime.runner import _work
from penstock.runtime.service import Service
from penstock.runtime.single_process import SingleProcess
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

VERSION = version("penstock-runtime")


def make_worker(log: FaultyLog) -> Worker:
    group = Group(
        "tiny", (COMMANDS,), lambda *_: [route(COMMANDS, lambda _: [output(COMMANDS, b"{}")])], max_handling_seconds=5
    )
    telemetry = start_telemetry("test", environ={})
    return Worker(group, log, "test", Streams(), MemoryStateStores(), telemetry, Metrics())


async def test_a_stuck_worker_is_named() -> None:
    worker, health = make_worker(FaultyLog()), Health("tiny", lambda: {"epochs": {"loans": 3}}, Metrics())
    health.watch([worker])
    health.started = True
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://tiny") as client:
        healthy = (await client.get("/healthz")).json()
        assert healthy == {"service": "tiny", "version": VERSION, "status": "ok", "epochs": {"loans": 3}}
        worker.handling_since = time.monotonic() - 6
        unhealthy = await client.get("/healthz")
    assert unhealthy.status_code == 503
    assert unhealthy.json()["stuck"] == ["tiny"]


async def test_what_a_service_cannot_work_on_itself_is_named_and_it_stays_ready() -> None:
    health = Health("tiny", dict, Metrics(), own_failures=lambda: {"source loans/orders": "it is away"})
    health.started = True
    body = (await get(health, "/healthz")).json()
    assert (body["status"], body["failing"]) == ("failing", {"source loans/orders": "it is away"})
    assert (await get(health, "/readyz")).status_code == 200


async def get(health: Health, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://tiny") as client:
        return await client.get(path)


async def test_a_group_that_the_broker_refuses_is_named_with_the_reason_and_not_ready() -> None:
    permitted = asyncio.Event()

    class RefusingLog(FaultyLog):
        async def source(self, group: str, listener: RebalanceListener) -> MemorySource:
            if not permitted.is_set():
                raise AccessDenied("the broker refuses access: GroupAuthorizationFailedError: tiny")
            return await super().source(group, listener)

    worker, health = make_worker(RefusingLog()), Health("tiny", dict, Metrics())
    health.watch([worker])
    health.started = True
    task = asyncio.create_task(worker.run())
    await _until(lambda: worker.last_error is not None)
    body = (await get(health, "/healthz")).json()
    assert body["status"] == "failing"
    assert body["failing"] == {"tiny": "the broker refuses access: GroupAuthorizationFailedError: tiny"}
    assert (await get(health, "/readyz")).status_code == 503
    permitted.set()
    await _until(lambda: worker.last_error is None)
    assert (await get(health, "/healthz")).json() == {"service": "tiny", "version": VERSION, "status": "ok"}
    assert (await get(health, "/readyz")).status_code == 200
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_topic_partition_that_cannot_be_read_is_named_and_the_service_stays_ready() -> None:
    class UnreadableSource(MemorySource):
        def failures(self) -> dict[TopicPartition, str]:
            return {("test.commands", 0): "the batch is corrupt"}

    class UnreadableLog(FaultyLog):
        async def source(self, group: str, listener: RebalanceListener) -> MemorySource:
            return UnreadableSource(self, group, listener)

    worker, health = make_worker(UnreadableLog()), Health("tiny", dict, Metrics())
    health.watch([worker])
    health.started = True
    await worker.step(0)
    body = (await get(health, "/healthz")).json()
    assert (body["status"], body["failing"]) == ("failing", {"test.commands/0": "the batch is corrupt"})
    assert "penstock_failing 1.0" in (await get(health, "/metrics")).text
    assert (await get(health, "/readyz")).status_code == 200
    await worker.close()


async def test_a_suspended_unit_is_named_and_resumed_over_http() -> None:
    log = FaultyLog()
    await log.create(control_topics("test"))
    log.append([RecordBatch("test.commands", 0, [None] * 101, [b"?"] * 101)])
    worker, health = make_worker(log), Health("tiny", dict, Metrics())
    health.watch([worker])
    await worker.step(0)
    body = (await get(health, "/healthz")).json()
    assert body["status"] == "failing"
    assert body["failing"]["tiny/control/0"].startswith("suspended since")
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://tiny") as client:
        assert (await client.post("/v1/units/resume?group=other")).json() == {"resumed": {}}
        assert (await client.post("/v1/units/resume")).json() == {"resumed": {"tiny": [0]}}
    await worker.step(0)
    assert worker.failures() == {}
    assert len(log.records_of(("test.dead-letters", 0))) == 101
    await worker.close()


async def test_a_service_is_ready_only_when_it_says_so_itself() -> None:
    waits_for = ["a model"]
    health = Health("tiny", dict, Metrics(), lambda: waits_for)
    health.started = True
    waiting = await get(health, "/readyz")
    assert (waiting.status_code, waiting.json()["waits_for"]) == (503, ["a model"])
    waits_for.clear()
    assert (await get(health, "/readyz")).json() == {"service": "tiny", "ready": True}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the memory bus has no event for it
            await asyncio.sleep(0)


@pytest.mark.parametrize("fault", ["held", "lost"])
async def test_a_worker_that_waits_for_the_log_is_not_ready_and_not_stuck(fault: Fault) -> None:
    log = FaultyLog([fault])
    await log.create(control_topics("test"))
    log.append([RecordBatch.single("test.commands", 0, None, b"{}")])
    worker, health = make_worker(log), Health("tiny", dict, Metrics())
    health.watch([worker])
    health.started = True
    task = asyncio.create_task(worker.run())
    await _until(lambda: not log.faults)
    worker.last_answer = time.monotonic() - 100
    waiting = await get(health, "/healthz")
    assert (waiting.status_code, waiting.json()["status"]) == (200, "failing")
    assert (await get(health, "/readyz")).status_code == 503
    log.release.set()
    await _until(lambda: not worker.is_cut_off and worker.last_error is None)
    assert (await get(health, "/readyz")).status_code == 200
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_service_that_holds_a_control_topic_names_it_from_its_start() -> None:
    process = SingleProcess()
    resources, health = process.resources(), Health("tiny", dict, Metrics())
    await process.log.create(control_topics("penstock"))
    topic = STREAMS.name("penstock")
    process.log.append([RecordBatch.single(topic, 0, None, b"{}")] * 3)
    process.log.expire((topic, 0), 2)
    work = asyncio.create_task(_work(Service(), resources, health, "development"))
    async with asyncio.timeout(30):
        while not health.failures():  # noqa: ASYNC110 - a health page is polled
            await asyncio.sleep(0.01)
    answer = (await get(health, "/healthz")).json()
    assert answer["status"] == "failing"
    assert answer["failing"][topic].startswith(f"{topic} is read whole, but its records from offset 0 on are gone")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await resources.close()
