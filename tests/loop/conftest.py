"""The loop in one process, run once for all who look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.report import Report, RunMeasurements, make_report
from penstock.console.replay.stream_time import ReplayProgress, replay_in_stream_time
from penstock.console.replay.stream_watch import StreamWatch
from penstock.contracts.batch import Unreadable
from penstock.contracts.topics import Topic

COUNT, PLANTED_AT = 3000, 1500
LABEL_DELAY = 80
CHUNK = 40
CLOCKS = ("wall_s", "training_seconds", "learning_seconds", "events_per_s")


@dataclass(frozen=True)
class Ran:
    """A run that has ended: what was sent, what its log holds, and the report."""

    sent: ReplayProgress
    watch: StreamWatch
    log: MemoryLog
    report: Report

    def records(self, topic: Topic[Any]) -> list[Any]:
        """Everything on a topic, a partition after the other."""
        stream = self.watch.stream
        name = topic.name("penstock", stream.name if topic.plane == "data" else None)
        decode = topic.decoder(stream)
        found = [record for place in self.log.partitions_of(name) for record in decode(self.log.records_of(place))]
        assert not any(isinstance(record, Unreadable) for record in found)
        return found


async def run_credit_risk() -> Ran:
    """Loan applications through the whole loop, the world changing at number `PLANTED_AT`."""
    declaration = demo_declaration()
    async with in_process_deployment(declaration) as deployment:
        sent = await replay_in_stream_time(
            CreditRisk(COUNT, PLANTED_AT), deployment, LABEL_DELAY, CHUNK, lambda _: None
        )
        await deployment.watch.read_to_end()
        effort = RunMeasurements(0.0, 0, sent.refused, sent.labels)
        report = make_report(deployment.watch, sent.rows, declaration.task, effort)
        return Ran(sent, deployment.watch, deployment.log, report)


def without_clocks(report: Report) -> dict[str, Any]:
    """The report but for what was measured in seconds."""
    return {name: value for name, value in asdict(report).items() if name not in CLOCKS}


@pytest.fixture(scope="session")
def run_again() -> Callable[[], Ran]:
    """Runs the loan applications anew."""
    return lambda: asyncio.run(run_credit_risk())


@pytest.fixture(scope="session")
def ran(run_again: Callable[[], Ran]) -> Ran:
    """The loan applications, run once."""
    return run_again()
