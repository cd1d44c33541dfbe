"""Fast mode: the response does not wait for the log to confirm, and the prediction says so."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.sink import MemorySink
from penstock.bus.ports import MAX_RECORD_BYTES, RecordBatch
from penstock.bus.publisher import Publisher
from penstock.contracts.codecs.sealed_answer import decode_answer, split_answer
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import RECEIVED, STREAMS
from penstock.runtime.log_writer import LogWriter, WriteLimits
from penstock.server.scoring.answer_log import AnswerLog
from penstock.server.scoring.sealed_events import SealedEvents

PREDICT = "/v1/streams/loans/predict"
JSON = {"content-type": "application/json"}


class UnconfirmedSink(MemorySink):
    """Takes records, and confirms them when the future is done."""

    def __init__(self, log: Any, confirmed: asyncio.Future[None]) -> None:
        super().__init__(log)
        self._confirmed = confirmed

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        return self._confirm(await super().send(records))

    async def _confirm(self, appended: Awaitable[None]) -> None:
        await appended
        await self._confirmed


def withhold_confirmation(log: Any) -> asyncio.Future[None]:
    """Have the log confirm nothing until the future is done."""
    confirmed = asyncio.get_running_loop().create_future()

    async def sink() -> UnconfirmedSink:
        return UnconfirmedSink(log, confirmed)

    log.sink = sink
    return confirmed


async def _declare_fast(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    await deployment.publish(STREAMS, deployment.declared(2, '[serving]\nhttp = "fast"'))
    await deployment.run_until_quiet()


async def test_a_fast_response_does_not_wait_for_the_log_and_says_so(deployment: Any, registry: Any) -> None:
    await _declare_fast(deployment, registry)
    confirmed = withhold_confirmation(deployment.log)
    async with deployment.client() as client:
        responses = [await client.post(PREDICT, json=deployment.event(number)) for number in range(3)]
    assert [(response.status_code, response.json()["mode"]) for response in responses] == [(200, "fast")] * 3
    confirmed.set_result(None)
    await deployment.eventually(lambda: len(deployment.records(RECEIVED, "loans")) == 3)
    for event in deployment.records(RECEIVED, "loans"):
        assert decode_answer(split_answer(event.answer)[1]).mode == "fast"


async def test_an_event_that_the_log_does_not_take_with_its_answer_is_refused_before_it_is_answered(
    deployment: Any, registry: Any
) -> None:
    await _declare_fast(deployment, registry)
    large = {**deployment.event(1), "source": "s" * 512}
    large["data"] = {**large["data"], "region": "r" * (MAX_RECORD_BYTES - 500)}
    async with deployment.client() as client:
        results = await asyncio.gather(*(client.post(PREDICT, json=body) for body in (large, deployment.event(2))))
    assert [(response.status_code, response.json().get("code")) for response in results] == [
        (413, "too_large"),
        (200, None),
    ]
    await deployment.eventually(lambda: [event.id for event in deployment.records(RECEIVED, "loans")] == ["e2"])


async def test_a_durable_response_waits_for_the_log(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    confirmed = withhold_confirmation(deployment.log)
    async with deployment.client() as client:
        request = asyncio.create_task(client.post(PREDICT, json=deployment.event(1)))
        await deployment.eventually(lambda: deployment.records(RECEIVED, "loans"))
        assert not request.done()
        confirmed.set_result(None)
        assert (await request).json()["mode"] == "durable"


async def test_unconfirmed_answers_of_fast_mode_are_logged_and_counted(
    deployment: Any, registry: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await _declare_fast(deployment, registry)
    deployment.break_log(BrokerUnavailable("away"))
    with caplog.at_level(logging.WARNING, "penstock.server"):
        async with deployment.client() as client:
            batch = json.dumps([deployment.event(number) for number in range(4)])
            assert (await client.post(PREDICT, content=batch, headers=JSON)).status_code == 200
        await deployment.eventually(lambda: b"penstock_answers_unconfirmed_total 4.0" in deployment.metrics_of_http())
    assert "4 answers were given that the log did not confirm" in caplog.text


async def test_how_much_may_await_the_log_is_limited(deployment: Any) -> None:
    confirmed = withhold_confirmation(deployment.log)
    streams = Streams()
    streams.apply(deployment.declared())
    writer = LogWriter(
        Publisher(deployment.log, "penstock", streams), RECEIVED, WriteLimits(bytes=20, stream_share=1.0)
    )
    answer_log = AnswerLog(writer, "penstock", deployment.telemetry, lambda _: None)

    async def write() -> Any:
        (problem,) = await answer_log.write(
            "loans", [SealedEvents(["a"], [b"12345678"], [b"k"], None, fits=True)], wait=False
        )
        return problem and (problem.status, problem.code, problem.headers["Retry-After"])

    results = [await write() for _ in range(3)]
    confirmed.set_result(None)
    await answer_log.drain()

    assert results == [None, None, (503, "overloaded", "2")]
    assert await write() is None
