"""Commands that reach the deployment by the URL of its registry, from a machine that has no home of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.contracts.topics import PREDICTIONS
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
