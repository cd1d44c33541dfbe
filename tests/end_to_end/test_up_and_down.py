"""`penstock up`, `down` and `up` again on the same home, and its errors."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from penstock.console.declared_streams import declared_streams
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.poll import poll
from penstock.console.supervision.lifecycle import await_ready, start, stop
from penstock.contracts.topics import PREDICTIONS

from .conftest import Site

INSTANCE = {"customer": "c-1", "income": 40_000, "amount": 9000, "account_months": 12, "purpose": "car"}


async def stream_names(site: Site) -> list[str]:
    """The names of the declared streams."""
    async with site.log() as log:
        return (await declared_streams(log, site.record.namespace)).names()


def predict(site: Site, stream: str) -> dict[str, Any]:
    """The server's answer for the stream, without what differs for every request."""
    url = f"{site.record.url('server')}/v1/streams/{stream}/predict"
    response = httpx.post(url, json={"data": INSTANCE}, headers={"penstock-probe": "1"}, timeout=30)
    assert response.status_code == 200, response.text
    return {name: value for name, value in response.json().items() if name not in ("id", "time")}


async def archived_ids(site: Site, stream: str) -> set[str] | None:
    """The events whose predictions `penstock sql` finds; what waited at a stop is archived at the next start."""
    found = penstock(site.home.root, "sql", "select id from predictions", "--stream", stream, "--json").stdout
    return {json.loads(line)["id"] for line in found.splitlines()} or None


async def test_a_second_up_continues_where_the_first_stopped(site: Site) -> None:
    rows = list(CreditRisk(60, None).rows())
    async with site.stream("up-again") as deployment:
        stream = deployment.watch.stream
        await deployment.send("event", [row.event for row in rows[:40]], rows[0].time)
        await deployment.await_quiet()
    before = (await stream_names(site), predict(site, stream.name))
    urls = {name: record.url for name, record in site.record.processes.items()}
    assert stop(site.home)
    assert not site.home.database.with_name("registry.db-wal").exists()  # a copy of the database is whole
    assert start(site.home, StartOptions(), ends_with_caller=True)
    await_ready(site.home)
    assert {name: record.url for name, record in site.record.processes.items()} == urls
    async with site.connected(stream) as deployment:
        assert (await stream_names(site), predict(site, stream.name)) == before
        await deployment.send("event", [row.event for row in rows[20:]], rows[0].time)
        await deployment.await_quiet()
    predicted = [record.id for record, _ in await site.records(PREDICTIONS, stream)]
    assert sorted(predicted) == sorted(row.id for row in rows)
    assert await poll(lambda: archived_ids(site, stream.name), 0.2, attempts=100) <= set(predicted)


def penstock(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "penstock.console", *arguments],
        env={**os.environ, "PENSTOCK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_status_and_doctor_find_all_well(site: Site) -> None:
    for _ in range(60):  # a machine may be too busy to answer in time, and status says so
        status = penstock(site.home.root, "status", "--json")
        if not status.returncode:
            break
        time.sleep(0.5)
    report = json.loads(status.stdout)
    assert (report["problems"], report["summary"][:4]) == ([], "All ")
    processes = {process["name"]: process for process in report["processes"]}
    without_group = {name for name, process in processes.items() if process["lag"] is None}
    assert without_group == {"broker", "ingestion", "notifier", "console"}  # the notifier has no destination here
    assert {child["name"] for child in processes["server"]["children"]} == {"http-1", "stream-1"}
    assert report["disk"]["log_bytes"] > 0
    checks = json.loads(penstock(site.home.root, "doctor", "--json").stdout)["checks"]
    faults = {name: check for name, check in checks.items() if check["outcome"] == "fail"}
    assert {name for name in faults if name not in ("broker answers", "services")} == set()


def test_an_unknown_stream_is_a_one_line_error(site: Site) -> None:
    process = penstock(site.home.root, "wait", "nothing")
    error = "no stream 'nothing' is declared; see: penstock stream list\n"
    assert (process.returncode, process.stdout, process.stderr) == (2, "", error)


def test_a_taken_port_is_a_one_line_error(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        process = penstock(tmp_path / "home", "up", "--port", f"server={port}")
    assert (process.returncode, process.stdout, process.stderr.count("\n")) == (2, "", 1)
    assert process.stderr.startswith(f"Port {port}, asked for server, is taken by process {os.getpid()} ")
