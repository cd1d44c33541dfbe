"""The broker is killed and restarted: nothing that was acknowledged is lost, and the loop resumes by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import httpx

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.supervision.lifecycle import await_ready

from .conftest import Site

COUNT = 400


async def test_the_loop_resumes_after_the_broker_was_killed(site: Site) -> None:
    async with site.stream("broker-crash") as deployment:
        declared = deployment.watch.stream
    rows = list(CreditRisk(COUNT, None).rows())
    broker = site.record.processes["broker"]
    acknowledged: list[str] = []
    is_killed = is_restarted = False
    async with httpx.AsyncClient(base_url=site.record.url("ingestion"), timeout=60) as client:
        for number, row in enumerate(rows):
            if number == COUNT // 4:
                assert broker.process is not None
                is_killed = broker.process.signal(signal.SIGKILL)
            response = await client.post(f"/v1/streams/{declared.name}/events", content=row.event, headers=JSON)
            assert response.status_code in (202, 503)
            if response.status_code == 202:
                acknowledged.append(row.id)
            else:
                assert int(response.headers["retry-after"]) > 0
                assert "safe to send again" in response.json()["detail"]
            if is_killed and not is_restarted:
                await asyncio.to_thread(await_ready, site.home)
                is_restarted = True
    assert is_killed
    assert site.record.processes["broker"].restarts > broker.restarts
    async with site.connected(declared) as deployment:
        await deployment.await_answers(acknowledged)
        first = rows[0]
        await deployment.send("event", [first.event], first.time)
        await deployment.await_quiet()
        await deployment.watch.read_to_end()
        assert set(acknowledged) <= set(deployment.watch.predictions)
        assert deployment.watch.rejections == {}


async def test_commands_wait_for_a_broker_that_is_started_again_and_say_so_in_one_line(site: Site) -> None:
    async with site.stream("broker-restart") as deployment:
        name = deployment.watch.stream.name
    for words in (["stream", "list"], ["wait", name], ["ledger", name]):
        broker = site.record.processes["broker"].process
        assert broker is not None
        assert broker.signal(signal.SIGKILL)
        done = await asyncio.to_thread(_penstock, site, *words)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("\n") <= 1, done.stderr
        await asyncio.to_thread(await_ready, site.home)


def _penstock(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "penstock.console", *words],
        env={**os.environ, "PENSTOCK_HOME": str(site.home.root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


JSON = {"content-type": "application/json"}
