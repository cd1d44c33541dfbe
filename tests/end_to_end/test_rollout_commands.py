"""A model on trial on the real broker, by the commands that a user has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.replay.labelled_rows import Row
from penstock.console.replay.stream_time import replay_in_stream_time
from penstock.contracts.topics import PREDICTIONS

from .conftest import Site

LEARNT, TRIED = 800, 500
BASELINE = 0


@dataclass(frozen=True)
class Part:
    """Loan applications `[start, stop)`."""

    start: int
    stop: int

    def rows(self) -> Iterator[Row]:
        """The applications in order."""
        return islice(CreditRisk(self.stop, None).rows(), self.start, self.stop)

    def label_of(self, row: Row, known_at: datetime) -> bytes:
        """What became of the loan."""
        return CreditRisk(self.stop, None).label_of(row, known_at)


def penstock(site: Site, *arguments: str) -> str:
    """What the command says."""
    command = [str(Path(sys.executable).parent / "penstock"), *arguments]
    environment = {**os.environ, "PENSTOCK_HOME": str(site.home.root)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


async def test_a_shadow_that_does_worse_is_taken_back_and_nobody_heard_of_it(site: Site) -> None:
    async with site.stream("tried") as deployment:
        await replay_in_stream_time(Part(0, LEARNT), deployment, 40, 200, lambda _: None)
        await deployment.await_quiet()
        started = penstock(site, "rollout", "start", "tried", str(BASELINE), "--mode", "shadow", "--why", "to compare")
        assert "shadow on tried: running" in started
        await deployment.await_quiet()
        await replay_in_stream_time(Part(LEARNT, LEARNT + TRIED), deployment, 40, 200, lambda _: None)
        await deployment.await_quiet()
        ended = json.loads(penstock(site, "rollout", "status", "tried", "--json"))
        assert (ended["state"], ended["mode"]) == ("ended", "shadow")
        assert "worse than the champion" in ended["detail"]
        answers = [record.data for record, _ in await site.records(PREDICTIONS, deployment.watch.stream)]
    shadowed = [answer for answer in answers if answer.shadow]
    assert {answer.version for answer in shadowed} == {1}
    assert {shadow.version for answer in shadowed for shadow in answer.shadow} == {BASELINE}
    quality: dict[str, Any] = json.loads(penstock(site, "quality", "tried", "--json"))
    scores = {one["version"]: one["accuracy"] for one in quality["versions"]}
    assert scores[1] > scores[BASELINE]
