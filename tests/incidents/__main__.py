"""Stages twelve incidents in a real deployment, and writes how soon each was seen and cleared: `make incidents`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx

from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import running
from tests.incidents.all_incidents import INCIDENTS
from tests.incidents.incident import Incident
from tests.incidents.page import Result, incidents_page
from tests.incidents.pager import Pager
from tests.incidents.watch import Watch, status, status_command
from tests.staging.ports import free_ports
from tests.staging.stage import Stage

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/incidents.md"
DISK = "1g"  # of the home, so that it can be filled
ABOVE_USUAL = 12_000  # so that a deployment of somebody else on this machine has its ports for itself
SEEN_LIMIT_S = 90.0  # that an incident may take until it is in status, metrics and alert
STAGED_LIMIT_S = 180.0  # that it may take until its evidence is there
PREPARED_LIMIT_S = 240.0


def main() -> int:
    """Stage all incidents, or those that are named; 1 when one was not seen or not cleared."""
    parser = argparse.ArgumentParser(prog="python -m tests.incidents")
    parser.add_argument("--only", default="", help="names of incidents, with commas between them")
    only = set(filter(None, parser.parse_args().only.split(",")))
    if unknown := only - {incident.name for incident in INCIDENTS}:
        parser.error(
            f"there is no {', '.join(sorted(unknown))}; there are {', '.join(each.name for each in INCIDENTS)}"
        )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    wanted = [incident for incident in INCIDENTS if not only or incident.name in only]
    with tempfile.TemporaryDirectory(prefix="penstock-incidents-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "penstock-incidents", folder], check=True)
        try:
            results = asyncio.run(_stage_all(wanted, Path(folder)))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=False)
    if not only:
        PAGE.write_text(incidents_page(results))
    return int(not all(result.is_well for result in results))


async def _stage_all(incidents: list[Incident], folder: Path) -> list[Result]:
    home, pager = Home(folder / "home"), Pager()
    os.environ.update(pager.environment(folder))
    options = StartOptions(ports=free_ports(ABOVE_USUAL), environment=dict(os.environ))
    results = []
    with running(home, options):
        async with httpx.AsyncClient(timeout=90, trust_env=False) as client:
            stage = Stage(home, client)
            for incident in incidents:
                await stage.until_ready()
                results.append(await _stage_one(incident, stage, pager))
                _tell(results[-1].line)
    pager.close()
    return results


async def _stage_one(incident: Incident, stage: Stage, pager: Pager) -> Result:
    _tell(f"{incident.name}: {incident.what}")
    try:
        async with asyncio.timeout(PREPARED_LIMIT_S):
            await incident.prepare(stage)
    except Exception as error:
        return Result(incident, failure=f"it could not be prepared: {error!r}")
    watch = Watch(incident, stage, pager)
    async with watch.looking():
        try:
            async with asyncio.timeout(STAGED_LIMIT_S + SEEN_LIMIT_S), incident.staged(stage):
                evidence = time.monotonic()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SEEN_LIMIT_S):
                        await _until(lambda: watch.is_seen)
                command = await status_command(stage)
        except Exception as error:
            return Result(incident, failure=f"it could not be staged: {error!r}")
        result = Result(incident, evidence=evidence, watch=watch, command=command)
        if not watch.is_seen:
            _tell(f"status says: {await status(stage)}")
        await _clear(incident, stage, watch, result)
    return result


async def _clear(incident: Incident, stage: Stage, watch: Watch, result: Result) -> None:
    """Do what the runbook says, and wait until it is over."""
    result.clearing = time.monotonic()
    watch.out_of_status = None
    try:
        async with asyncio.timeout(incident.clear_limit_s):
            await incident.clear(stage)
            result.cleared = time.monotonic()
            if not incident.never_resolved:
                await _until(lambda: watch.out_of_status is not None or watch.in_status is None)
                await _until(lambda: watch.resolved is not None)
    except RuntimeError as error:
        result.failure = str(error)
    except TimeoutError:
        _tell(f"{incident.name}: not over after {incident.clear_limit_s:.0f} s")


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - another thread receives
        await asyncio.sleep(0.1)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
