"""Health: a worker that makes no progress makes the service unhealthy, waiting does not."""

from __future__ import annotations

import asyncio
import time

import httpx
from starlette.applications import Starlette

from penstock.bus.memory.faulty_log import FaultyLog
from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, route
from penstock.bus.state.unit_state import MemoryStateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.batch import output
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import COMMANDS
from penstock.runtime.health import Health
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry


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
        assert healthy == {"service": "tiny", "status": "ok", "epochs": {"loans": 3}}
        worker.last_progress = time.monotonic() - 6
        unhealthy = await client.get("/healthz")
    assert unhealthy.status_code == 503
    assert unhealthy.json()["stuck"] == ["tiny"]


async def test_a_worker_that_waits_for_the_log_is_not_stuck() -> None:
    log = FaultyLog(["lost"])
    await log.create(control_topics("test"))
    log.append([RecordBatch.single("test.commands", 0, None, b"{}")])
    worker = make_worker(log)
    worker.last_progress = before = time.monotonic() - 100
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(30):
        while log.faults:  # noqa: ASYNC110 - the memory bus has no event for it
            await asyncio.sleep(0)
    assert worker.last_progress > before
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
