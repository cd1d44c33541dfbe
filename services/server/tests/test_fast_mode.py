"""A stream declared fast is replied to before the log has confirmed, and the prediction says so."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.log import MemorySink
from penstock.bus.ports import RecordBatch
from penstock.bus.publisher import Publisher
from penstock.contracts.records.predictions import decode_answer, split_answer
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import RECEIVED, STREAMS
from penstock.runtime.log_writer import LogWriter, WriteLimits
from penstock.server.scoring.answer_log import Letter, Records

PREDICT = "/v1/streams/loans/predict"
JSON = {"content-type": "application/json"}


class Silent(MemorySink):
    """Takes records, and confirms them when it is let to."""

    def __init__(self, log: Any, confirmed: asyncio.Future[None]) -> None:
        super().__init__(log)
        self._confirmed = confirmed

    async def send(self, records: Sequence[RecordBatch]) -> Awaitable[None]:
        await super().send(records)
        return self._confirmed


def hold_up(log: Any) -> asyncio.Future[None]:
    """Have the log confirm nothing until the future is done."""
    confirmed = asyncio.get_running_loop().create_future()

    async def sink() -> Silent:
        return Silent(log, confirmed)

    log.sink = sink
    return confirmed


async def _fast(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(1, *shop.trained()))
    await deployment.say(STREAMS, deployment.declared(2, '[serving]\nhttp = "fast"'))
    await deployment.settle()


async def test_a_fast_reply_does_not_wait_for_the_log_and_says_so(deployment: Any, shop: Any) -> None:
    await _fast(deployment, shop)
    confirmed = hold_up(deployment.log)
    async with deployment.client() as client:
        answers = [await client.post(PREDICT, json=deployment.event(number)) for number in range(3)]
    assert [(answer.status_code, answer.json()["mode"]) for answer in answers] == [(200, "fast")] * 3
    confirmed.set_result(None)
    await deployment.eventually(lambda: len(deployment.records(RECEIVED, "loans")) == 3)
    for event in deployment.records(RECEIVED, "loans"):
        assert decode_answer(split_answer(event.answer)[1]).mode == "fast"


async def test_a_durable_reply_waits_for_the_log(deployment: Any, shop: Any) -> None:
    await deployment.serve(shop.epoch(1, *shop.trained()))
    confirmed = hold_up(deployment.log)
    async with deployment.client() as client:
        asked = asyncio.create_task(client.post(PREDICT, json=deployment.event(1)))
        await deployment.eventually(lambda: deployment.records(RECEIVED, "loans"))
        assert not asked.done()
        confirmed.set_result(None)
        assert (await asked).json()["mode"] == "durable"


async def test_what_fast_mode_loses_is_logged_and_counted(
    deployment: Any, shop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await _fast(deployment, shop)
    deployment.break_log(BrokerUnavailable("away"))
    with caplog.at_level(logging.WARNING, "penstock.server"):
        async with deployment.client() as client:
            batch = json.dumps([deployment.event(number) for number in range(4)])
            assert (await client.post(PREDICT, content=batch, headers=JSON)).status_code == 200
        await deployment.eventually(lambda: b"penstock_answers_unconfirmed_total 4.0" in deployment.metrics_of_http())
    assert "4 answers were given that the log did not confirm" in caplog.text


async def test_what_awaits_the_log_is_bounded(deployment: Any) -> None:
    confirmed = hold_up(deployment.log)
    streams = Streams()
    streams.apply(deployment.declared())
    delivery = LogWriter(Publisher(deployment.log, "penstock", streams), RECEIVED, WriteLimits(bytes=20))
    records = Records(delivery, "penstock", deployment.telemetry, lambda _: None)

    async def put() -> Any:
        (problem,) = await records.put("loans", [Letter(["a"], [b"12345678"], [b"k"], None)], wait=False)
        return problem and (problem.status, problem.code, problem.headers["Retry-After"])

    found = [await put() for _ in range(3)]
    confirmed.set_result(None)
    await records.drain()

    assert found == [None, None, (503, "overloaded", "2")]
    assert await put() is None
