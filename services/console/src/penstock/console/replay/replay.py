"""A replay from the first row of a file to the report: in this process, or on a running deployment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from penstock.console.declared_streams import declare_numbered_stream
from penstock.console.deployment import Deployment
from penstock.console.failure import wrong_input
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.live_deployment import LiveDeployment, live_deployment
from penstock.console.replay.predict_probes import probe_predictions
from penstock.console.replay.report.report import Report, RunMeasurements, make_report
from penstock.console.replay.rows.labelled_rows import FileRows, chunk_size
from penstock.console.replay.rows.row_labels import RowLabels
from penstock.console.replay.stream_time import ReplayProgress, ReplaySender, replay_in_stream_time
from penstock.console.replay.wall_time import replay_in_wall_time, staleness
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.console.table.table import Table
from penstock.contracts.declaration.stream import Declaration

PROBED_ROWS = 100

ShowProgress = Callable[[ReplayProgress], None]
"""Called with the counts after each request."""


@dataclass(frozen=True)
class ReplayOptions:
    """How a file is replayed.

    Attributes:
        table: the file.
        declaration: of the stream; the replay's own stream has the same one under another name.
        delay: rows after which a row's label becomes known.
        chunk: rows sent at a time in stream time; None: as the delay has it.
        rate: rows a second on wall time, `inf` as fast as possible; None: stream time.
        resume: whether to go on with the newest replay of this stream.
        training_delay: rows after the end of its training data before a model takes effect; in this process only.
    """

    table: Table
    declaration: Declaration
    delay: int
    chunk: int | None = None
    rate: float | None = None
    resume: bool = False
    training_delay: int = 0

    @property
    def size(self) -> int:
        """Rows sent at a time in stream time."""
        return self.chunk or chunk_size(self.delay)

    def rows(self, stream: str) -> FileRows:
        """The rows of the file as events of the stream called `stream`."""
        return FileRows(self.table, self.declaration, f"replay/{stream}")


@dataclass(frozen=True)
class ReplayResult:
    """The result of a replay.

    Attributes:
        stream: which the replay made, or went on with.
        report: on the whole stream.
        extra_fields: which the report's JSON document has besides.
        nothing_left: whether an earlier run had sent everything.
    """

    stream: str
    report: Report
    extra_fields: dict[str, Any]
    nothing_left: bool = False


@dataclass(frozen=True)
class FinishedReplay:
    """What a replay in this process leaves: the log that was read, the rows that were sent, and what was measured."""

    stream: str
    watch: StreamWatch
    rows: RowLabels
    measurements: RunMeasurements


async def replay_in_process(options: ReplayOptions, progress: ShowProgress) -> ReplayResult:
    """Replay a file with every service in this process, and report on it."""
    replay = await run_in_process(options, progress)
    report = make_report(replay.watch, replay.rows, replay.measurements)
    return ReplayResult(replay.stream, report, {"in_process": True})


async def run_in_process(options: ReplayOptions, progress: ShowProgress) -> FinishedReplay:
    """Replay a file with every service in this process, on the memory log with a virtual clock.

    The same file gives the same predictions, and the same report but for the times in it.
    """
    name = f"{options.declaration.name}-1"
    declaration = options.declaration.model_copy(update={"name": name})
    rows = options.rows(name)
    started = time.monotonic()
    async with in_process_deployment(declaration, options.training_delay) as deployment:
        counts = await replay_in_stream_time(ReplaySender(rows, deployment), options.delay, options.size, progress)
        await deployment.watch.read_to_end()
        watch, learning_s = deployment.watch, deployment.learning_seconds()
    del deployment  # the report on many rows needs the memory that the services had
    measurements = RunMeasurements(time.monotonic() - started, 0, counts.refusals, counts.labels, learning_s)
    return FinishedReplay(name, watch, counts.rows, measurements)


async def replay_live(options: ReplayOptions, deployment: Deployment, progress: ShowProgress) -> ReplayResult:
    """Replay a file on a deployment that runs on a broker.

    Raises:
        ConsoleFailure: there is no replay to resume, the declaration is refused, or a row of the file is damaged.
    """
    stream = await declare_numbered_stream(deployment, options.declaration, resume=options.resume)
    rows = options.rows(stream.name)
    probed_events = [row.event for row in islice(rows.rows(), PROBED_ROWS)]
    async with live_deployment(deployment, stream) as live:
        await live.await_quiet()
        if options.resume:
            _require_same_file(live, rows)
        started, learning_before = time.monotonic(), await live.learning_seconds()
        async with probe_predictions(deployment.url("server"), stream.name, probed_events) as probes:
            counts = await _send_rows(options, ReplaySender(rows, live, live.watch), live.watch, progress)
        await live.watch.read_to_end()
        failed = live.services.failed_requests + probes.failed
        learning_s = await live.learning_seconds() - learning_before
        measurements = RunMeasurements(time.monotonic() - started, failed, counts.refusals, counts.labels, learning_s)
        report = make_report(live.watch, counts.rows, measurements)
        extra_fields: dict[str, Any] = {"probes": probes.requests, "probe_statuses": probes.statuses}
        if options.rate is not None:
            extra_fields["staleness"] = staleness(live.watch, counts.rows)
    return ReplayResult(stream.name, report, extra_fields, options.resume and counts.is_empty)


def _require_same_file(live: LiveDeployment, rows: FileRows) -> None:
    """Check that the events of the replay to resume are rows of this file.

    Raises:
        ConsoleFailure: none of them is.
    """
    events = live.watch.events
    if len(events) and not any(events.slot_of(rows.id_of(number)) >= 0 for number in range(rows.table.count())):
        raise wrong_input(
            f"{rows.table.path} is not the file that the replay {live.watch.stream.name} was begun with, or it has "
            "changed since; without --resume it is replayed from its first row"
        )


async def _send_rows(
    options: ReplayOptions, sender: ReplaySender, watch: StreamWatch, progress: ShowProgress
) -> ReplayProgress:
    if options.rate is not None:
        rate = None if options.rate == float("inf") else options.rate
        return await replay_in_wall_time(sender, watch, options.delay, rate, progress)
    return await replay_in_stream_time(sender, options.delay, options.size, progress)
