"""Commands that reach the deployment by the URL of its registry, from a machine that has no home of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from penstock.bus.ports import RecordBatch
from penstock.console.poll import poll
from penstock.console.replay.live_deployment import LiveDeployment
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.contracts.topics import PREDICTIONS, RECEIVED
from tests.loans import Loans

from .conftest import Site

EVENTS = 300
STREAM = "elsewhere"


def penstock(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a home."""
    command = [str(Path(sys.executable).parent / "penstock"), *arguments]
    environment = {**os.environ, "PENSTOCK_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


async def test_every_question_gets_the_same_answer_from_elsewhere(site: Site, tmp_path: Path) -> None:
    url = site.record.url("registry")
    async with site.stream(STREAM) as deployment:
        await replay_in_stream_time(ReplaySender(Loans(0, EVENTS), deployment), 40, 200, lambda _: None)
        await deployment.await_quiet()
        predictions = await site.records(PREDICTIONS, deployment.watch.stream)
    questions = (
        ("stream", "list"),
        ("ledger", STREAM, "--json"),
        ("quality", STREAM, "--json"),
        ("served", STREAM, "--json"),
        ("drift", STREAM, "--json"),
        ("alerts", "--stream", STREAM, "--json"),
        ("proposals", STREAM),
        ("rejected", "list", STREAM),
        ("unit", "list"),
        ("why", predictions[0][0].id, "--stream", STREAM, "--json"),
    )
    for question in questions:
        here, elsewhere = penstock(site.home.root, *question), penstock(tmp_path, *question, "--url", url)
        assert (here.returncode, here.stdout) == (elsewhere.returncode, elsewhere.stdout), (question, elsewhere.stderr)
    assert penstock(tmp_path, "--url", url, "wait", STREAM).stdout == f"{STREAM} is quiet.\n"
    status = penstock(tmp_path, "status", "--url", url, "--json")
    assert {process["name"]: process["state"] for process in json.loads(status.stdout)["processes"]} == {
        name: "ready" for name in site.record.processes if name != "broker"
    }
    held = penstock(tmp_path, "rollback", STREAM, "--to-version", "0", "--wait", "0", "--url", url)
    assert "and is held" in held.stdout, held.stderr
    assert "the hold is lifted" in penstock(tmp_path, "rollback", STREAM, "--release", "--url", url).stdout


async def test_a_paused_stream_takes_nothing_in_and_what_came_over_kafka_is_answered_once_it_goes_on(
    site: Site, tmp_path: Path
) -> None:
    url, name = site.record.url("registry"), "paused"
    http, kafka = Loans(0, 2).rows()
    async with site.stream(name) as deployment:
        paused = penstock(tmp_path, "stream", "pause", name, "--intake", "--reason", "a trial", "--url", url, "--json")
        assert json.loads(paused.stdout)["status"] == "paused", paused.stderr
        shown = json.loads(penstock(tmp_path, "stream", "show", name, "--json", "--url", url).stdout)
        assert (shown["pause"]["detail"], shown["pause"]["intake"]) == ("a trial", True)
        assert f"{name}: paused since" in penstock(tmp_path, "status", "--url", url).stdout
        async with httpx.AsyncClient(headers={"content-type": "application/json"}, trust_env=False) as client:
            events = f"{site.record.url('ingestion')}/v1/streams/{name}/events"
            await poll(lambda: _refusal(client, events, http.event), 0.05)
            answer = f"{site.record.url('server')}/v1/streams/{name}/predict"
            await poll(lambda: _refusal(client, answer, http.event), 0.05)
        async with site.log() as log:
            sink = await log.sink()
            topic = RECEIVED.name(site.record.namespace, name)
            await (await sink.send([RecordBatch.single(topic, 0, None, kafka.event)]))
            await sink.close()
        assert "goes on" in penstock(tmp_path, "stream", "resume", name, "--url", url).stdout
        await poll(lambda: _answered(deployment, kafka.id), 0.05)


async def _refusal(client: httpx.AsyncClient, url: str, event: bytes) -> bool | None:
    """Whether the stream takes nothing in; None while the service has not read of it."""
    response = await client.post(url, content=event)
    return True if response.status_code == 503 and response.json()["code"] == "paused" else None


async def _answered(deployment: LiveDeployment, event_id: str) -> bool | None:
    await deployment.watch.poll(0.1)
    return None if deployment.watch.unanswered([event_id]) else True


def test_what_cannot_be_reached_is_told_in_one_line(site: Site, tmp_path: Path) -> None:
    refusals = {
        ("ledger", "loans", "--url", "http://127.0.0.1:1"): (1, "The registry at http://127.0.0.1:1 does not answer"),
        ("ledger", "loans", "--url", site.record.url("server")): (2, "No registry of this version of Penstock is at"),
        ("ledger", "loans", "--url", "models"): (2, "--url models: expected the address of a registry"),
        ("down", "--url", "http://127.0.0.1:1"): (2, "penstock down works on this machine alone"),
    }
    for arguments, (status, words) in refusals.items():
        refused = penstock(tmp_path, *arguments)
        assert (refused.returncode, refused.stderr.startswith(words)) == (status, True), refused.stderr
        assert refused.stderr.count("\n") <= 2
