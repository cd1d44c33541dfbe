"""`penstock replay`: a file through a deployment, from the first row to the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.console.declared_streams import await_declared, declared_streams, numbered
from penstock.console.deployment import Deployment as Running
from penstock.console.failure import wrong_input
from penstock.console.replay.feed import FileFeed, chunk_size
from penstock.console.replay.in_process_deployment import local_deployment
from penstock.console.replay.live_deployment import LiveDeployment, live_deployment
from penstock.console.replay.predict_probes import probing
from penstock.console.replay.report import Effort, Report, make_report
from penstock.console.replay.stream_time import Sent, replay
from penstock.console.replay.wall_time import replay_at, staleness
from penstock.console.services_client import Requests
from penstock.console.table_file import Table
from penstock.contracts.declaration.stream import Declaration

PROBED_ROWS = 100

Progress = Callable[[Sent], None]
"""Told what was sent so far."""


@dataclass(frozen=True)
class Asked:
    """What was asked of a replay. `rate`: rows a second on wall time, `inf` as fast as possible, None: stream time.

    `training_delay`: a model takes effect so many rows after the row its data was cut at.
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

    def named(self, number: int) -> Declaration:
        """The declaration of the replay's own stream."""
        return self.declaration.model_copy(update={"name": f"{self.declaration.name}-{number}"})

    def feed(self, declaration: Declaration) -> FileFeed:
        """The rows, as events of that stream."""
        return FileFeed(self.table, declaration, f"replay/{declaration.name}")


@dataclass(frozen=True)
class Done:
    """What a replay came to: the stream it made, the report, and facts beyond it."""

    stream: str
    report: Report
    more: dict[str, Any]


async def replay_in_process(asked: Asked, progress: Progress) -> Done:
    """Run every service in this process on the memory bus with a virtual clock: the same file gives the same report."""
    declaration = asked.named(1)
    feed = asked.feed(declaration)
    started = time.monotonic()
    async with local_deployment(declaration, asked.training_delay) as deployment:
        sent = await replay(feed, deployment, asked.delay, asked.size, progress)
        await deployment.watch.catch_up()
        learning = deployment.learning_seconds()
        effort = Effort(time.monotonic() - started, 0, sent.refused, sent.labels, learning)
        report = make_report(deployment.watch, sent.truths, declaration.task, effort)
    return Done(declaration.name, report, {"in_process": True})


async def replay_live(asked: Asked, running: Running, progress: Progress) -> Done:
    """Run the file through the deployment that runs on a broker."""
    declaration = await _own_stream(asked, running)
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    try:
        stream = await await_declared(log, running.namespace, declaration.name)
    finally:
        await log.close()
    feed = asked.feed(declaration)
    probes_rows = [row.event for row in islice(feed.rows(), PROBED_ROWS)]
    async with live_deployment(running, stream) as deployment:
        await deployment.quiet()
        started, learnt = time.monotonic(), await deployment.learning_seconds()
        async with probing(running.url("server"), declaration.name, probes_rows) as probes:
            sent = await _send(asked, feed, deployment, progress)
        await deployment.watch.catch_up()
        failed = deployment.requests.failed + probes.failed
        learning = await deployment.learning_seconds() - learnt
        effort = Effort(time.monotonic() - started, failed, sent.refused, sent.labels, learning)
        report = make_report(deployment.watch, sent.truths, declaration.task, effort)
        more: dict[str, Any] = {"probes": probes.asked, "probe_statuses": probes.statuses}
        if asked.rate is not None:
            more["staleness"] = staleness(deployment, sent)
    return Done(declaration.name, report, more)


async def _send(asked: Asked, feed: FileFeed, deployment: LiveDeployment, progress: Progress) -> Sent:
    if asked.rate is not None:
        rate = None if asked.rate == float("inf") else asked.rate
        return await replay_at(feed, deployment, asked.delay, rate, progress)
    done = len(deployment.watch.answers) + len(deployment.watch.rejected)
    skip = done - done % asked.size if asked.resume else 0
    return await replay(feed, deployment, asked.delay, asked.size, progress, skip=skip)


async def _own_stream(asked: Asked, running: Running) -> Declaration:
    """Apply the replay's own stream: a new one, or the last when it is to be resumed."""
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    requests = Requests(running.url("ingestion"), running.url("registry"))
    try:
        last = numbered(asked.declaration.name, (await declared_streams(log, running.namespace)).names())
        if asked.resume and not last:
            raise wrong_input(f"there is no replay of {asked.declaration.name!r} to go on with")
        declaration = asked.named(last if asked.resume else last + 1)
        if not asked.resume:
            await requests.apply(declaration.name, declaration.model_dump_json())
        return declaration
    finally:
        await requests.close()
        await log.close()


def write_report(done: Done, path: Path) -> None:
    """Write the report as JSON, with the stream's name and the further facts."""
    done.report.write(path, stream=done.stream, **done.more)
