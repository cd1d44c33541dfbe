"""`penstock demo`: the whole loop on generated loan applications, with a drift planted at a known event."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from typing import Any

from penstock.console.declared_streams import declare_numbered_stream
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.traced_event import send_traced_event
from penstock.console.deployment import Deployment
from penstock.console.replay.live_deployment import LiveDeployment, live_deployment
from penstock.console.replay.predict_probes import ProbeCounts, probe_predictions
from penstock.console.replay.report.epoch_lines import EpochLine
from penstock.console.replay.report.report import Report, RunMeasurements, make_report
from penstock.console.replay.report.scored_rows import scored_rows
from penstock.console.replay.rows.row_labels import RowLabels
from penstock.console.replay.stream_time import ReplayProgress, ReplaySender
from penstock.console.replay.wall_time import replay_in_wall_time
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration

EVENTS = 2600
PLANTED_AT = 1300
RATE = 70.0  # events a second
LABEL_DELAY = 50  # events after which a loan's outcome becomes known
PROBED_ROWS = 100

ShowProgress = Callable[[LiveDeployment, ReplayProgress, ProbeCounts], None]
"""Called after each request of the run."""


@dataclass(frozen=True)
class DemoResult:
    """The results of the demo.

    Attributes:
        stream: the name of the demo's own stream.
        report: as of a replay.
        planted_at: the event from which on the world is another.
        detected_at: the event at which a drift was found (None: never).
        new_model_from: the first event that a model trained because of a drift predicted (None: none).
        score_before: accuracy from the first model to the change.
        score_during: accuracy from the change to the new model.
        score_after: accuracy of the new model and those after it (None: there is none).
        false_alarms: drifts found before the change.
        trace: the address of the trace of one event, None without Zipkin.
    """

    stream: str
    report: Report
    planted_at: int
    detected_at: int | None
    new_model_from: int | None
    score_before: float | None
    score_during: float | None
    score_after: float | None
    false_alarms: int
    trace: str | None

    def document(self) -> dict[str, Any]:
        """The keys that the demo adds to the report's JSON document."""
        return {
            "stream": self.stream,
            "planted_at": self.planted_at,
            "noticed_at": self.detected_at,
            "answered_from": self.new_model_from,
            "before": self.score_before,
            "during": self.score_during,
            "after": self.score_after,
            "false_alarms": self.false_alarms,
            "trace": self.trace,
        }


def demo_declaration() -> Declaration:
    """The stream of examples/credit-risk, as the package carries it."""
    return parse_declaration(files("penstock.console").joinpath("local/credit-risk.toml").read_text())


async def run_demo(deployment: Deployment, show: ShowProgress) -> DemoResult:
    """Run the demo on a running deployment.

    Raises:
        ConsoleFailure: ingestion or the registry refuses what is sent, or does not answer.
    """
    stream = await declare_numbered_stream(deployment, demo_declaration())
    source = CreditRisk(EVENTS, PLANTED_AT)
    probed_events = [row.event for row in islice(source.rows(), PROBED_ROWS)]
    async with live_deployment(deployment, stream) as live:
        await live.await_quiet()
        started = time.monotonic()
        async with probe_predictions(deployment.url("server"), stream.name, probed_events) as probes:
            trace = await send_traced_event(live, deployment.zipkin)
            counts = await replay_in_wall_time(
                ReplaySender(source, live), live.watch, LABEL_DELAY, RATE, lambda counts: show(live, counts, probes)
            )
        await live.watch.read_to_end()
        failed = live.services.failed_requests + probes.failed
        measurements = RunMeasurements(time.monotonic() - started, failed, counts.refusals, counts.labels)
        report = make_report(live.watch, counts.rows, measurements)
        return _result(live.watch, counts.rows, report, trace)


def _next_model_from(epochs: Sequence[EpochLine], row: int) -> int | None:
    """The first row from this one on that another model answered than before, whatever it was trained for."""
    return min((line.at_event for line in epochs if line.at_event is not None and line.at_event >= row), default=None)


def _result(watch: StreamWatch, rows: RowLabels, report: Report, trace: str | None) -> DemoResult:
    drifts = [drift.at_event for drift in report.drifts if drift.at_event is not None]
    first_model_from = next((line.at_event for line in report.epochs if line.epoch == 1), None)
    detected_at = min((row for row in drifts if row >= PLANTED_AT), default=None)
    new_model_from = None if detected_at is None else _next_model_from(report.epochs, detected_at)

    slots = watch.events.slots_of(rows.ids(), len(rows))
    scored = scored_rows(watch.events, slots, rows, watch.stream.declaration)

    def accuracy(first: int, last: int) -> float | None:
        return scored.between(first, last).score()

    return DemoResult(
        stream=watch.stream.name,
        report=report,
        planted_at=PLANTED_AT,
        detected_at=detected_at,
        new_model_from=new_model_from,
        score_before=accuracy(first_model_from or 0, PLANTED_AT),
        score_during=accuracy(PLANTED_AT, new_model_from or EVENTS),
        score_after=None if new_model_from is None else accuracy(new_model_from, EVENTS),
        false_alarms=sum(row < PLANTED_AT for row in drifts),
        trace=trace,
    )
