"""Outages: a command tries again for a while, says so in one line, and ends with one line if that did not help."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from penstock.bus.errors import AccessDenied, BrokerUnavailable
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import NewTopic, RecordBatch, TopicPartition
from penstock.console.__main__ import outage_failure
from penstock.console.broker.standalone import start_broker
from penstock.console.failure import ConsoleFailure
from penstock.console.local_ports import free_ports
from penstock.console.log_client import PatientLog
from penstock.console.outage import Outage
from penstock.console.services_client import ServicesClient

TOPIC = "penstock.commands"


def failing(times: int) -> Callable[[], Awaitable[str]]:
    failures = [BrokerUnavailable("no route")] * times

    async def attempt() -> str:
        await asyncio.sleep(0)
        if failures:
            raise failures.pop()
        return "done"

    return attempt


def outage(lasts_s: float = 30.0) -> Outage:
    return Outage("The broker", BrokerUnavailable, lasts_s=lasts_s, pause_s=0.0)


async def test_several_attempts_at_a_time_tell_of_an_outage_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    patient = outage()
    assert await asyncio.gather(*(patient.retry(failing(5)) for _ in range(3))) == ["done"] * 3
    assert capsys.readouterr().err == "The broker does not answer; trying again for 30 s ...\n"


async def test_an_outage_that_lasts_ends_in_one_line_with_status_1() -> None:
    with pytest.raises(ConsoleFailure) as failure:
        await outage(lasts_s=0.0).retry(failing(1_000_000))
    assert (failure.value.status, "\n" in str(failure.value)) == (1, False)
    assert str(failure.value).startswith("The broker has not answered for 0 s (no route)")


class RestartingLog(MemoryLog):
    """A log that does not answer for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0

    async def end_offsets(self, *arguments: object) -> dict[TopicPartition, int]:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise BrokerUnavailable("restarting")
        return await super().end_offsets(*arguments)  # type: ignore[arg-type]


async def test_a_log_is_read_through_a_restart() -> None:
    log = RestartingLog()
    await log.create([NewTopic(TOPIC, 1)])
    log.append([RecordBatch.single(TOPIC, 0, None, b"1")])
    log.failures = 3
    assert await PatientLog(log, outage()).end_offsets([(TOPIC, 0)]) == {(TOPIC, 0): 1}
    assert log.failures == 0


async def test_reading_goes_on_after_a_real_broker_was_killed_and_started_again(tmp_path: Path) -> None:
    port, *_ = free_ports(1)
    node = await asyncio.to_thread(start_broker, tmp_path, port)
    kafka = KafkaLog(Connection(node.bootstrap), "penstock", "test")
    try:
        log = PatientLog(kafka, Outage("The broker", BrokerUnavailable, lasts_s=120.0))
        await log.create([NewTopic(TOPIC, 1)])
        sink = await log.sink()
        await (await sink.send([RecordBatch.single(TOPIC, 0, None, b"1")]))
        await sink.close()
        reader = await log.reader({(TOPIC, 0): 0})
        node.process.kill()
        node.process.wait()
        reading = asyncio.gather(reader.read_to_end(), log.committed("group"), log.end_offsets([(TOPIC, 0)]))
        node = await asyncio.to_thread(start_broker, tmp_path, port)
        batches, committed, ends = await reading
        assert [record.value for batch in batches for record in batch.records] == [b"1"]
        assert (committed, ends) == ({}, {(TOPIC, 0): 1})
        await reader.close()
    finally:
        await kafka.close()
        await asyncio.to_thread(node.stop)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (BrokerUnavailable("no route"), "no route; see: penstock status"),
        (AccessDenied("no permission"), "no permission; see: penstock status"),
        (ExceptionGroup("tasks", [BrokerUnavailable("no route")]), "no route; see: penstock status"),
        (httpx.ReadTimeout("late"), "a service does not answer (ReadTimeout: late); see: penstock status"),
    ],
)
def test_what_no_command_foresaw_is_one_line_too(error: Exception, text: str) -> None:
    failure = outage_failure(error)
    assert failure is not None
    assert (str(failure), failure.status) == (text, 1)


def test_a_bug_is_no_outage() -> None:
    assert outage_failure(ZeroDivisionError("bug")) is None


def registry_client(*statuses: int) -> tuple[ServicesClient, list[str]]:
    """A client of a registry that answers with these statuses in turn, and the requests that it got."""
    answers, requests = list(statuses), list[str]()

    async def answer(request: Request) -> JSONResponse:
        requests.append(f"{request.method} {request.url.path}")
        return JSONResponse({"detail": "the log is away", "status": "created"}, answers.pop(0))

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "PUT", "POST"])])
    client = ServicesClient("http://ingestion", "http://registry")
    client._client = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    client._registry_outage._pause_s = 0.0
    return client, requests


async def test_a_declaration_is_sent_again_while_the_registry_waits_for_the_broker() -> None:
    client, requests = registry_client(503, 503, 200)
    assert await client.declare("loans", "{}") == "created"
    assert requests == ["PUT /v1/streams/loans"] * 3
    await client.close()


async def test_an_error_of_the_registry_is_one_line_with_status_1() -> None:
    client, _ = registry_client(500)
    with pytest.raises(ConsoleFailure, match="failed: the log is away; see: penstock status") as failure:
        await client.get("streams/loans")
    assert failure.value.status == 1
    await client.close()


async def test_a_paused_intake_is_told_at_once() -> None:
    async def refuse(_: Request) -> JSONResponse:
        await asyncio.sleep(0)
        return JSONResponse({"code": "paused", "detail": "the intake of this stream is paused: bad feed"}, 503)

    app = Starlette(routes=[Route("/v1/streams/loans/events", refuse, methods=["POST"])])
    services = ServicesClient("http://ingestion", "http://registry", httpx.ASGITransport(app=app))
    with pytest.raises(ConsoleFailure, match="is paused: bad feed; see: penstock stream show loans") as failure:
        await services.send_records("loans", "event", [b"{}"])
    await services.close()
    assert (failure.value.status, services.failed_requests) == (1, 0)
