"""Stages an incident for every alerting rule, in a deployment that a real Prometheus watches: `make prometheus`."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import yaml

from penstock.console.deployment import Deployment
from penstock.console.home import Home
from penstock.console.plan.plan_builder import StartOptions
from penstock.console.supervision.lifecycle import running
from tests.alerting.alerting_page import DashboardCheck, Result, alerting_page
from tests.alerting.incidents import Incident, in_one_stream, of_all_streams
from tests.alerting.monitoring import RULES, Delivery, Prometheus, Receiver, monitoring
from tests.staging.debian_programs import DebianPackage, obtain_programs
from tests.staging.ports import free_ports
from tests.staging.stage import Stage

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/alerting-rules.md"
DASHBOARDS = ROOT / "deploy/grafana/dashboards"
PATIENCE = 120.0  # seconds that an incident may take until its alerts are delivered
LONGEST = 420.0  # and those in streams of their own
ABOVE_USUAL = 10_000  # so that a deployment of somebody else on this machine has its ports for itself
SECRET = base64.b64encode(b"a secret of thirty-two characters").decode()

PROMETHEUS = (
    DebianPackage(
        "prometheus", "2.42.0+ds-5+deb12u1", "81d59a24fce84f7fbe97a45a4f2914b6a5881b5cd1db2a6a0e129e515e1a5f55"
    ),
    DebianPackage(
        "prometheus-alertmanager", "0.25.0-1+b4", "4fb9aed15cfe8e0c32408e643ab32a1e41ee87d2cc26f18aeba928b1b0b98ae7"
    ),
)


def main() -> int:
    """Stage all incidents, or those whose alerts are named; 1 when an alert was not delivered or a query is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.alerting")
    parser.add_argument("alerts", nargs="*", help="only the incidents that lead to these")
    only = set(parser.parse_args().alerts)
    programs = obtain_programs(PROMETHEUS) / "usr/bin"
    subprocess.run(
        [programs / "promtool", "check", "rules", RULES / "recording.yml", RULES / "alerting.yml"], check=True
    )
    subprocess.run([programs / "promtool", "test", "rules", RULES / "tests.yml"], check=True)
    with tempfile.TemporaryDirectory(prefix="penstock-alerting-") as folder:
        return asyncio.run(_check(programs, Path(folder), only))


async def _check(programs: Path, folder: Path, only: set[str]) -> int:
    home, receiver, checkpoints = Home(folder / "home"), Receiver(), folder / "checkpoints"
    acts = [
        [incident for incident in act if not only or only & set(incident.alerts)]
        for act in (in_one_stream(), of_all_streams(checkpoints))
    ]
    options = StartOptions(ports=free_ports(ABOVE_USUAL), environment=_environment(folder, checkpoints, receiver))
    with (
        running(home, options) as deployment,
        monitoring(programs, folder, _targets(deployment), receiver) as prometheus,
    ):
        async with httpx.AsyncClient(timeout=90, trust_env=False, limits=httpx.Limits(max_connections=200)) as client:
            stage = Stage(home, client)
            results = await asyncio.gather(*(stage_incident(each, stage, receiver, LONGEST) for each in acts[0]))
            checks = list(_check_dashboards(prometheus))
            for incident in acts[1]:
                await stage.until_ready()
                results.append(await stage_incident(incident, stage, receiver, PATIENCE))
    receiver.close()
    missing = [alert for result in results for alert, delivery in result.deliveries.items() if delivery is None]
    if not only:
        PAGE.write_text(alerting_page(_rules(), results, checks))
    _tell(f"not delivered: {', '.join(missing) or 'none'}; wrong queries: {[c.error for c in checks if c.error]}")
    return int(bool(missing or any(check.error for check in checks)))


async def stage_incident(incident: Incident, stage: Stage, receiver: Receiver, seconds: float) -> Result:
    """Stage an incident until its alerts are delivered, so many seconds at most."""
    began = time.monotonic()

    def deliveries() -> dict[str, Delivery | None]:
        return {alert: receiver.first_after(began, alert) for alert in incident.alerts}

    task = asyncio.ensure_future(incident.stage(stage))
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not all(deliveries().values()):  # noqa: ASYNC110 - another thread receives
                await asyncio.sleep(0.2)
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(outcome, Exception):
        _tell(f"{incident.what}: {outcome!r}")
    for alert, delivery in deliveries().items():
        _tell(
            f"{alert}: " + (f"after {delivery.at - began:.0f} s: {delivery.summary}" if delivery else "NOT DELIVERED")
        )
    return Result(incident, began, deliveries())


def _environment(folder: Path, checkpoints: Path, receiver: Receiver) -> dict[str, str]:
    """That of the services: checkpoints every two seconds, and a destination that refuses every alert."""
    notifications = folder / "notifications.toml"
    notifications.write_text(
        f'[[destination]]\nname = "gone"\nkind = "webhook"\nurl = "{receiver.url}/gone"\nsecret_variable = "GONE"\n'
    )
    own = {
        "PENSTOCK_CHECKPOINTS": str(checkpoints),
        "PENSTOCK_CHECKPOINT_SECONDS": "2",
        "PENSTOCK_NOTIFICATIONS": str(notifications),
        "GONE": f"whsec_{SECRET}",
    }
    os.environ.update(own)
    return dict(os.environ)


def _targets(deployment: Deployment) -> dict[str, list[str]]:
    """The addresses of each service, as deploy/prometheus/targets has them."""
    urls = {name: url.removeprefix("http://") for name, url in deployment.service_urls().items() if name != "zipkin"}
    targets = {name: [url] for name, url in urls.items() if name != "server-stream"}
    targets["server"].append(urls["server-stream"])
    return targets


def _rules() -> list[dict[str, object]]:
    groups = yaml.safe_load((RULES / "alerting.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _check_dashboards(prometheus: Prometheus) -> Iterator[DashboardCheck]:
    for path in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                try:
                    yield DashboardCheck(path.stem, panel["title"], len(prometheus.query(target["expr"])), "")
                except ValueError as error:
                    yield DashboardCheck(path.stem, panel["title"], 0, str(error))


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
