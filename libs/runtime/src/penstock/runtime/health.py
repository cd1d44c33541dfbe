"""`/healthz`, `/readyz` and `/metrics` of every service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from penstock.bus.errors import TransientError
from penstock.bus.follower import Follower
from penstock.bus.worker.worker import Worker
from penstock.runtime.http.openapi import JSON, Answer, DocumentedRoute, Operation
from penstock.runtime.version_history import DISTRIBUTION
from penstock.telemetry.metrics import Metrics


class HealthBody(Struct):
    """Which service it is, of which `version` of Penstock, and how it is, with facts of the service's own.

    `stuck` names the groups that are. `failing` are groups, topics and topic partitions that cannot be worked on for
    now, and why; they are tried again. `progress` is when each group last handled records in this process.
    """

    service: str
    version: str
    status: Literal["ok", "starting", "failing", "stuck"]
    stuck: list[str] = []
    failing: dict[str, str] = {}
    progress: dict[str, datetime] = {}


class ReadyBody(Struct):
    """Whether the service can do its work, and what it waits for if it cannot."""

    service: str
    ready: bool
    waits_for: list[str] = []


class ResumedBody(Struct):
    """The partitions that were resumed, by group."""

    resumed: dict[str, list[int]]


HEALTHZ = Operation(
    "Whether the service is healthy",
    "Whether every handler returns in time, and what the service says of itself.",
    {200: Answer("it is", {JSON: HealthBody}), 503: Answer("a handler is stuck", {JSON: HealthBody})},
)
READYZ = Operation(
    "Whether the service is ready",
    "Whether it has read what it needs to do its work, and can do it.",
    {200: Answer("it is", {JSON: ReadyBody}), 503: Answer("not yet", {JSON: ReadyBody})},
)
RESUME = Operation(
    "Resume the failing and suspended partitions of a stream",
    "Tries them at once. What they read next may go to the dead letters, however much it is. Query: `stream`, and "
    "perhaps `partition` and `group`. The answer names what this process resumed: of its own partitions alone.",
    {200: Answer("what was resumed", {JSON: ResumedBody})},
)
METRICS = Operation(
    "Metrics for Prometheus",
    "Every metric of the service in Prometheus' text format.",
    {200: Answer("the metrics", {"text/plain": {"type": "string"}})},
)


class Health:
    """Whether a service is healthy (every handler returns in time) and ready.

    It is ready once it has read the control plane (`started`), as long as it waits for nothing else itself and the
    broker answers its groups and permits them to work. `own_waits` is asked what it waits for,
    `own_failures` what it cannot work on for now.
    """

    def __init__(
        self,
        name: str,
        facts: Callable[[], dict[str, Any]],
        metrics: Metrics,
        own_waits: Callable[[], Sequence[str]] = tuple,
        own_failures: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self.started = False
        self._start_error: TransientError | None = None
        self._own_waits = own_waits
        self._own_failures = own_failures
        self._name = name
        self._version = version(DISTRIBUTION)
        self._facts = facts
        self._metrics = metrics
        self._workers: Sequence[Worker] = ()
        self._followers: Sequence[Follower] = ()

    def watch(self, workers: Sequence[Worker]) -> None:
        """Watch the progress of these workers."""
        self._workers = workers

    def watch_followers(self, followers: Sequence[Follower]) -> None:
        """Name the topics that these followers hold."""
        self._followers = followers

    def waits_for(self) -> list[str]:
        """What the service waits for before it can do its work; nothing if it is ready."""
        if not self.started:
            return [str(self._start_error or "the control plane, which it is reading")]
        cut_off = [worker.failures()[worker.group.name] for worker in self._workers if worker.is_cut_off]
        return [*cut_off, *self._own_waits()]

    def note_start_failure(self, error: TransientError) -> None:
        """Keep why the start does not get on."""
        self._start_error = error

    def failures(self) -> dict[str, str]:
        """The groups, topics and topic partitions that cannot be worked on for now, and why."""
        parts: list[Worker | Follower] = [*self._workers, *self._followers]
        return {what: why for part in parts for what, why in part.failures().items()} | self._own_failures()

    def stuck_groups(self) -> list[str]:
        """The groups whose handlers are at work for longer than they may take; waiting for the log does not count."""
        now = time.monotonic()
        return [
            worker.group.name
            for worker in self._workers
            if now - (worker.handling_since or now) > worker.group.max_handling_seconds
        ]

    def _progress(self) -> dict[str, str]:
        """When each group last handled records, of those that have since the start."""
        now, monotonic = datetime.now(UTC), time.monotonic()
        return {
            worker.group.name: (now - timedelta(seconds=monotonic - worker.last_handled)).isoformat(timespec="seconds")
            for worker in self._workers
            if worker.last_handled is not None
        }

    def routes(self) -> list[DocumentedRoute]:
        """The routes to add to the service's app."""
        return [
            DocumentedRoute("/healthz", self._healthz, HEALTHZ),
            DocumentedRoute("/readyz", self._readyz, READYZ),
            DocumentedRoute("/metrics", self._metrics_page, METRICS),
            DocumentedRoute("/v1/units/resume", self._resume, RESUME, "POST"),
        ]

    async def _healthz(self, _: Request) -> Response:
        stuck, failing = self.stuck_groups(), self.failures()
        state = "stuck" if stuck else "failing" if failing else "starting" if self.waits_for() else "ok"
        body = {"service": self._name, "version": self._version, "status": state}
        lists = {"stuck": stuck, "failing": failing, "progress": self._progress()}
        lists = {name: content for name, content in lists.items() if content}
        return JSONResponse({**body, **lists, **self._facts()}, status_code=503 if stuck else 200)

    async def _readyz(self, _: Request) -> Response:
        waits_for = self.waits_for()
        body = {"service": self._name, "ready": not waits_for, **({"waits_for": waits_for} if waits_for else {})}
        return JSONResponse(body, status_code=503 if waits_for else 200)

    async def _metrics_page(self, _: Request) -> Response:
        self._metrics.process.set_health(ready=not self.waits_for(), failing=len(self.failures()))
        content, media_type = await asyncio.to_thread(self._metrics.exposition)  # of many streams it takes a while
        return Response(content, media_type=media_type)

    async def _resume(self, request: Request) -> Response:
        query = request.query_params
        group, partition = query.get("group"), query.get("partition", "")
        resumed = {
            worker.group.name: worker.resume(query.get("stream"), int(partition) if partition.isdecimal() else None)
            for worker in self._workers
            if group in (None, worker.group.name)
        }
        return JSONResponse({"resumed": {name: partitions for name, partitions in resumed.items() if partitions}})
