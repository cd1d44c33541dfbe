"""A rollout on the real broker, with the commands that a user has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.contracts.topics import PREDICTIONS
from tests.loans import Loans

from .conftest import Site

LOANS_BEFORE, LOANS_IN_ROLLOUT = 800, 500
BASELINE_VERSION = 0


def penstock(site: Site, *arguments: str) -> str:
    """Run the command; its output."""
    command = [str(Path(sys.executable).parent / "penstock"), *arguments]
    environment = {**os.environ, "PENSTOCK_HOME": str(site.home.root)}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, (arguments, process.stdout, process.stderr)
    return process.stdout


async def test_a_shadow_that_is_worse_is_ended_and_answers_no_event(site: Site) -> None:
    async with site.stream("rollout") as deployment:
        await replay_in_stream_time(ReplaySender(Loans(0, LOANS_BEFORE), deployment), 40, 200, lambda _: None)
        await deployment.await_quiet()
        started = penstock(
            site, "rollout", "start", "rollout", str(BASELINE_VERSION), "--mode", "shadow", "--why", "to compare"
        )
        assert "shadow on rollout: running" in started
        await deployment.await_quiet()
        await replay_in_stream_time(
            ReplaySender(Loans(LOANS_BEFORE, LOANS_BEFORE + LOANS_IN_ROLLOUT), deployment), 40, 200, lambda _: None
        )
        await deployment.await_quiet()
        ended = json.loads(penstock(site, "rollout", "status", "rollout", "--json"))
        assert (ended["state"], ended["mode"]) == ("ended", "shadow")
        assert "worse than the champion" in ended["detail"]
        predictions = [record.data for record, _ in await site.records(PREDICTIONS, deployment.watch.stream)]
        put_back = penstock(site, "rollback", "rollout", "--to", "2", "--wait", "1")
        assert "the shadow beside it is put back too, and paused" in put_back
        assert "no event was answered by epoch 4 within 1 s" in put_back
        again = json.loads(penstock(site, "rollout", "status", "rollout", "--json"))
        assert (again["state"], again["mode"]) == ("paused", "shadow")
        penstock(site, "rollback", "rollout", "--release")
    with_shadow = [prediction for prediction in predictions if prediction.shadow]
    assert {prediction.version for prediction in with_shadow} == {1}
    assert {shadow.version for prediction in with_shadow for shadow in prediction.shadow} == {BASELINE_VERSION}
    quality: dict[str, Any] = json.loads(penstock(site, "quality", "rollout", "--json"))
    scores = {version["version"]: version["accuracy"] for version in quality["versions"]}
    assert scores[1] > scores[BASELINE_VERSION]


async def test_a_rollback_is_held_until_it_is_lifted(site: Site) -> None:
    async with site.stream("held"):
        rolled_back = penstock(site, "rollback", "held", "--to-version", "0", "--reason", "nothing else yet")
        assert rolled_back.startswith("held: version 0 serves already, and is held")
        assert "held: version 0 is held since the rollback at epoch 0 by" in penstock(site, "status")
        assert penstock(site, "proposals", "held") == "Nothing was proposed yet.\n"
        assert penstock(site, "rollback", "held", "--release") == "held: the hold is lifted, version 0 serves\n"
        assert "is held" not in penstock(site, "status")
