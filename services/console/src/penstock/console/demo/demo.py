"""`penstock demo`: the loop on generated loan applications, with a change of the world planted at a known event."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from typing import Any

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.console.declared_streams import await_declared, declared_streams, numbered
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.traced_event import traced_event
from penstock.console.deployment import Deployment as Running
from penstock.console.replay.live_deployment import LiveDeployment, live_deployment
from penstock.console.replay.predict_probes import Probes, probing
from penstock.console.replay.report import Effort, Report, make_report, score
from penstock.console.replay.stream_time import Sent
from penstock.console.replay.wall_time import replay_at
from penstock.console.services_client import Requests
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration

EVENTS = 5000
PLANTED_AT = 2000
RATE = 85.0  # events a second
LABEL_DELAY = 150  # events after which a loan's outcome becomes known
PROBED_ROWS = 100

Show = Callable[[LiveDeployment, Sent, Probes], None]
"""Shown the run again and again while it lasts."""


@dataclass(frozen=True)
class Demonstration:
    """What the demo came to: scores before the change, between it and the model that answers it, and after that."""

    stream: str
    report: Report
    planted_at: int
    noticed_at: int | None
    answered_from: int | None
    before: float | None
    during: float | None
    after: float | None
    false_alarms: int
    trace: str | None

    def more(self) -> dict[str, Any]:
        """The facts beyond a replay's report."""
        names = (
            "stream",
            "planted_at",
            "noticed_at",
            "answered_from",
            "before",
            "during",
            "after",
            "false_alarms",
            "trace",
        )
        return {name: getattr(self, name) for name in names}


def demo_declaration() -> Declaration:
    """The stream of examples/credit-risk, as the package carries it."""
    return parse_declaration(files("penstock.console").joinpath("local/credit-risk.toml").read_text())


async def demonstrate(running: Running, show: Show) -> Demonstration:
    """Run the demo on a deployment that is up."""
    declaration = await _apply(running)
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    try:
        stream = await await_declared(log, running.namespace, declaration.name)
    finally:
        await log.close()
    feed = CreditRisk(EVENTS, PLANTED_AT)
    events = [row.event for row in islice(feed.rows(), PROBED_ROWS)]
    async with live_deployment(running, stream) as deployment:
        await deployment.quiet()
        started = time.monotonic()
        async with probing(running.url("server"), declaration.name, events) as probes:
            trace = await traced_event(running, declaration.name, deployment)
            sent = await replay_at(
                feed, deployment, LABEL_DELAY, RATE, progress=lambda sent: show(deployment, sent, probes)
            )
        await deployment.watch.catch_up()
        effort = Effort(
            time.monotonic() - started, deployment.requests.failed + probes.failed, sent.refused, sent.labels
        )
        report = make_report(deployment.watch, sent.truths, declaration.task, effort)
        return _demonstration(deployment, sent, report, trace)


async def _apply(running: Running) -> Declaration:
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    requests = Requests(running.url("ingestion"), running.url("registry"))
    declared = demo_declaration()
    try:
        last = numbered(declared.name, (await declared_streams(log, running.namespace)).names())
        own = declared.model_copy(update={"name": f"{declared.name}-{last + 1}"})
        await requests.apply(own.name, own.model_dump_json())
        return own
    finally:
        await requests.close()
        await log.close()


def _demonstration(deployment: LiveDeployment, sent: Sent, report: Report, trace: str | None) -> Demonstration:
    alarms = [drift.at_event for drift in report.drifts if drift.at_event is not None]
    noticed = min((at for at in alarms if at >= PLANTED_AT), default=None)
    answered = min(
        (line.at_event for line in report.epochs if line.at_event is not None and line.reason.startswith("drift")),
        default=None,
    )
    answers, truths = deployment.watch.answers, sent.truths
    first_model = next((line.at_event for line in report.epochs if line.epoch == 1), None)
    return Demonstration(
        stream=deployment.watch.stream.name,
        report=report,
        planted_at=PLANTED_AT,
        noticed_at=noticed,
        answered_from=answered,
        before=score(answers, truths, "binary", first_model or 0, PLANTED_AT),
        during=score(answers, truths, "binary", PLANTED_AT, answered or EVENTS),
        after=None if answered is None else score(answers, truths, "binary", answered, EVENTS),
        false_alarms=sum(1 for at in alarms if at < PLANTED_AT),
        trace=trace,
    )
