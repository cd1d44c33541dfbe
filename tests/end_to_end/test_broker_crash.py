"""The broker is killed and comes back: nothing that was acknowledged is lost, and the loop goes on by itself."""

from __future__ import annotations

import asyncio
import signal

import httpx

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.supervision.lifecycle import await_ready

from .conftest import Site

COUNT = 400


async def test_the_loop_resumes_when_the_broker_is_back(site: Site) -> None:
    async with site.stream("orphaned") as deployment:
        declared = deployment.watch.stream
    rows = list(CreditRisk(COUNT, None).rows())
    broker = site.record.processes["broker"]
    acknowledged: list[str] = []
    gone = back = False
    async with httpx.AsyncClient(base_url=site.record.url("ingestion"), timeout=60) as client:
        for number, row in enumerate(rows):
            if number == COUNT // 4:
                assert broker.process is not None
                gone = broker.process.signal(signal.SIGKILL)
            answer = await client.post(f"/v1/streams/{declared.name}/events", content=row.event, headers=JSON)
            assert answer.status_code in (202, 503)
            if answer.status_code == 202:
                acknowledged.append(row.id)
            else:
                assert int(answer.headers["retry-after"]) > 0
                assert "safe to send again" in answer.json()["detail"]
            if gone and not back:
                await asyncio.to_thread(await_ready, site.home)
                back = True
    assert gone
    assert site.record.processes["broker"].restarts > broker.restarts
    async with site.connected(declared) as deployment:
        await deployment.await_answers(acknowledged)
        again = rows[0]
        await deployment.send("event", [again.event], again.time)
        await deployment.await_quiet()
        await deployment.watch.read_to_end()
        assert set(acknowledged) <= set(deployment.watch.predictions)
        assert deployment.watch.rejections == {}


JSON = {"content-type": "application/json"}
