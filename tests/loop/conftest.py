"""The whole loop in one process, run once for all tests of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.report.report import Report, RunMeasurements, make_report
from penstock.console.replay.stream_time import ReplayProgress, ReplaySender, replay_in_stream_time
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.topics import OUTCOMES, Topic

from .log_records import records_of

COUNT, CHANGE_AT = 2000, 1000
LABEL_DELAY = 80
CHUNK = 40
MEASURED_FIELDS = ("wall_s", "training_seconds", "learning_seconds", "events_per_s")


@dataclass(frozen=True)
class LoopRun:
    """A finished run: what was sent, what its log holds, and the report."""

    sent: ReplayProgress
    watch: StreamWatch
    log: MemoryLog
    report: Report
    outcomes: list[Any]  # which a log that is closed no longer has

    def records(self, topic: Topic[Any]) -> list[Any]:
        """All records of a topic, one partition after the other."""
        return self.outcomes if topic is OUTCOMES else records_of(self.log, topic, self.watch.stream)


async def run_credit_risk() -> LoopRun:
    """Loan applications through the whole loop, which change at number `CHANGE_AT`."""
    declaration = demo_declaration()
    async with in_process_deployment(declaration) as deployment:
        sender = ReplaySender(CreditRisk(COUNT, CHANGE_AT), deployment)
        sent = await replay_in_stream_time(sender, LABEL_DELAY, CHUNK, lambda _: None)
        await deployment.watch.read_to_end()
        measurements = RunMeasurements(0.0, 0, sent.refusals, sent.labels)
        report = make_report(deployment.watch, sent.rows, measurements)
        outcomes = records_of(deployment.log, OUTCOMES, deployment.watch.stream)
        return LoopRun(sent, deployment.watch, deployment.log, report, outcomes)


def without_measurements(report: Report) -> dict[str, Any]:
    """The report without what was measured in seconds."""
    unmeasured = replace(report, trainings=[replace(line, cpu_seconds=0.0) for line in report.trainings])
    return {name: value for name, value in asdict(unmeasured).items() if name not in MEASURED_FIELDS}


@pytest.fixture(scope="session")
def run_again() -> Callable[[], LoopRun]:
    """Runs the loan applications again."""
    return lambda: asyncio.run(run_credit_risk())


@pytest.fixture(scope="session")
def loop_run(run_again: Callable[[], LoopRun]) -> LoopRun:
    """The loan applications, run once."""
    return run_again()
