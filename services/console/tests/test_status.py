"""What `penstock status` says: asked of what runs, not of a record, and honest about what does not answer."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch, TopicPartition
from penstock.bus.topics import control_topics
from penstock.console.deployment import Deployment, ProcessRecord
from penstock.console.home import Home
from penstock.console.process_identity import ProcessIdentity
from penstock.console.status.consumer_lags import consumer_lags
from penstock.console.status.disk_use import disk_use
from penstock.console.status.probe import probe
from penstock.console.status.report import ChildStatus, DiskUse, ProcessReport, StatusReport
from penstock.console.status.verdict import first_line, problems_of, warnings_of
from penstock.contracts.topics import ALERTS
from penstock.runtime.supervision.process_health import ProcessState

from .command_process import penstock
from .conftest import ANSWERS, FakeDeployment, eventually

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCEPTS_AND_IS_SILENT = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)
"""
GIB = 1 << 30


def disk(free: int = 50 * GIB, unwritable: str = "") -> DiskUse:
    return DiskUse(
        log_bytes=0, state_bytes=0, models_bytes=0, other_bytes=0, free_bytes=free, total_bytes=100 * GIB,
        unwritable=unwritable,
    )  # fmt: skip


def process(name: str, why: str = "", **facts: Any) -> ProcessReport:
    return ProcessReport(name=name, state="ready" if not why else "dead", ready=not why, why=why, **facts)


def report(*processes: ProcessReport, **facts: Any) -> StatusReport:
    whole: dict[str, Any] = {"supervised": True, "unwritten": "", "disk": disk(), "retention": {}, **facts}
    return StatusReport(home="/home", asked=NOW, processes=(process("broker"), *processes), **whole)


def test_the_first_line_says_all_well_or_what_is_wrong_and_the_cause_before_what_follows_from_it() -> None:
    assert first_line(report(process("server"))) == "All well: the broker and 1 services are ready."
    dead = process("server", "it has no process")
    assert first_line(report(dead)) == "Not well: server is not ready: it has no process"
    full = first_line(report(dead, disk=disk(free=0)))
    assert full == "Not well: the disk of /home is full: 0 MB are left (and 1 more, below)"
    assert first_line(report(disk=disk(unwritable="read-only"))).startswith(
        "Not well: /home cannot be written: read-only"
    )
    alone = report(process("server", alive=True), supervised=False)
    assert problems_of(alone) == ["no supervisor is running; start it with: penstock up"]
    assert first_line(report(dead, supervised=False)) == "Nothing runs; start it with: penstock up"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"failing": {"loans.events/1": "the batch is corrupt"}}, "server: loans.events/1: the batch is corrupt"),
        ({"lag": 7, "last_progress": NOW - timedelta(hours=1)}, "7 records wait, and it has handled none since 2025"),
        ({"restarts": 3, "started": NOW - timedelta(minutes=1), "last_end": "ended"}, "restarted 3 times"),
        ({"children": (ChildStatus(name="training", restarts=1, why="ended"),)}, "child training was replaced 1 times"),
    ],
)  # fmt: skip
def test_what_works_and_asks_for_a_look_is_told_and_is_no_failure(facts: dict[str, Any], words: str) -> None:
    found = report(process("server", **facts))
    assert problems_of(found) == []
    (warning,) = warnings_of(found)
    assert words in warning
    assert first_line(found) == f"All ready, but {warning}"


@pytest.mark.parametrize(
    "facts",
    [
        {"lag": 7, "last_progress": NOW - timedelta(seconds=9)},
        {"lag": 0, "last_progress": NOW - timedelta(days=9)},
        {"restarts": 9, "started": NOW - timedelta(days=1)},
    ],
)
def test_what_is_usual_is_no_warning(facts: dict[str, Any]) -> None:
    assert warnings_of(report(process("server", **facts))) == []


def test_retention_that_is_short_and_a_disk_that_is_nearly_full_are_told() -> None:
    topics = [{"topic": "penstock.loans.events", "group": "server", "level": "low"}, {"topic": "t", "level": "ample"}]
    found = report(retention={"failure": None, "topics": topics}, disk=disk(free=GIB // 2))
    assert warnings_of(found) == [
        "the disk of /home is nearly full: 512 MB are left",
        "retention will soon pass what server has not read of penstock.loans.events",
    ]


Handle = Callable[[str], Response]


async def probed(answer: Handle, state: ProcessState = ProcessState.READY, **facts: Any) -> ProcessReport:
    """The report of a process that lives (this one), and answers each path so."""

    async def app(request: Request) -> Response:
        return answer(request.url.path)

    record = ProcessRecord(
        port=1, url="http://service:1", state=state, process=ProcessIdentity.of(os.getpid()), **facts
    )
    starlette = Starlette()
    starlette.add_route("/{path:path}", app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(starlette)) as client:
        return await probe(client, "service", record, supervised=True)


async def test_a_service_is_ready_if_it_says_so_now_and_else_why_not() -> None:
    ready = await probed(lambda _: JSONResponse({}))
    assert (ready.ready, ready.state, ready.why) == (True, "ready", "")
    waiting = await probed(lambda path: JSONResponse({"waits_for": ["a model"]}, 503 if path == "/readyz" else 200))
    assert (waiting.ready, waiting.state, waiting.why) == (False, "unready", "it waits for a model")
    stuck = await probed(lambda _: JSONResponse({"stuck": ["server"]}, 503))
    assert "server is stuck" in stuck.why


async def test_a_service_is_as_ready_as_its_children_whose_restarts_and_progress_are_shown() -> None:
    def answer(path: str) -> Response:
        if path == "/healthz":
            return JSONResponse({"progress": {"server": "2026-01-01T00:00:00+00:00"}})
        if path == "/":
            children = [{"name": "http-1", "restarts": 0}, {"name": "stream-1", "restarts": 4, "why": "ended"}]
            return JSONResponse({"children": [*children, "rubbish"]})
        return Response(status_code=200)

    found = await probed(answer, children=("http://child:2",), children_port=3)
    assert found.ready
    assert found.last_progress == NOW
    assert [(child.name, child.restarts, child.ready) for child in found.children] == [
        ("http-1", 0, None),
        ("stream-1", 4, True),
    ]


async def test_a_process_that_is_recorded_and_gone_is_dead_whatever_answers_at_its_address() -> None:
    gone = ProcessIdentity(pid=os.getpid(), created=1.0)
    record = ProcessRecord(
        port=1, url="http://s:1", state=ProcessState.READY, process=gone, why="ended with exit code 1"
    )
    transport = httpx.ASGITransport(Starlette())
    async with httpx.AsyncClient(transport=transport) as client:
        found = await probe(client, "broker", record, supervised=True)
    assert (found.ready, found.state, found.alive) == (False, "dead", False)
    assert found.why == "it has no process; it ended with exit code 1, and is started again"


def test_a_service_that_is_silent_is_said_to_be_and_the_others_are_shown(deployment: FakeDeployment) -> None:
    deployment.start(ingestion=ANSWERS, server=ACCEPTS_AND_IS_SILENT)
    eventually(lambda: deployment.read().processes["ingestion"].is_ready)
    status = penstock(deployment.home, "status")
    assert status.returncode == 1
    assert status.stdout.startswith("Not well: server is not ready: its process does not answer within 2 s")
    assert status.stderr == ""
    document = json.loads(penstock(deployment.home, "status", "--json").stdout)
    assert [each["ready"] for each in document["processes"]] == [True, False]
    assert (document["ready"], document["problems"]) == (False, [document["summary"].removeprefix("Not well: ")])


def test_a_broker_that_died_is_not_ready_although_the_record_cannot_be_written(deployment: FakeDeployment) -> None:
    home = deployment.home
    before = deployment.start_ready(broker=ANSWERS).processes["broker"].process
    blocked = home.run / "deployment.json.new"
    blocked.mkdir()  # as a full disk, for any user
    assert before
    before.signal(signal.SIGKILL)
    eventually(lambda: current(home).processes["broker"].restarts == 1)
    assert deployment.read().processes["broker"].restarts == 0
    assert "Is a directory" in current(home).unwritten
    assert "the record of the deployment is not up to date" in penstock(home, "status").stdout
    blocked.rmdir()
    eventually(lambda: deployment.read().processes["broker"].restarts == 1)
    assert current(home).unwritten == ""


def current(home: Home) -> Deployment:
    found = Deployment.current(home)
    assert found is not None
    return found


def test_the_restarts_of_a_service_that_ends_again_and_again_are_counted_and_explained(
    deployment: FakeDeployment,
) -> None:
    deployment.start(server="import sys; sys.exit(7)")
    eventually(lambda: current(deployment.home).processes["server"].restarts >= 2)
    status = penstock(deployment.home, "status")
    assert status.returncode == 1
    assert "ended with exit code 7" in status.stdout.splitlines()[0]


class OwnsNothing:
    """A member of a group that does not ask where to start."""

    async def on_assigned(self, _: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {}

    async def on_revoked(self, _: Collection[TopicPartition]) -> None: ...


async def test_the_lag_is_known_of_services_that_are_down_and_the_notifier_counts_for_each_destination() -> None:
    log = MemoryLog()
    await log.create(control_topics("penstock"))
    alerts = (ALERTS.name("penstock"), 0)
    log.append([RecordBatch(*alerts, [None] * 9, [b"x"] * 9)])
    log.commits("registry")[alerts] = 7
    log.commits("notifier-ops")[alerts] = 8
    log.commits("notifier-mail")[alerts] = 4
    log.expire(alerts, 5)
    lags = await consumer_lags(log, "penstock")
    assert (lags["registry"], lags["notifier"], lags["validator"]) == (2, 1 + 4, 0)
    await log.source("notifier-ops", OwnsNothing())
    assert (await consumer_lags(log, "penstock"))["notifier"] == 1, "mail is no longer a destination"
    await log.close()


def test_the_disk_is_counted_by_purpose_as_far_as_time_allows(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for folder in (home.kafka, home.artifacts, home.data("validator")):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(bytes(100_000))
    use = disk_use(home)
    assert min(use.log_bytes, use.models_bytes, use.state_bytes) >= 100_000
    assert (use.counted, use.unwritable) == (True, "")
    assert not disk_use(home, limit_s=-1.0).counted
