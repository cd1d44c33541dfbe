"""Looks at a deployment as an operator does, again and again: the status command, a page of metrics, and the pager."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from penstock.console.status.deployment_status import deployment_status
from penstock.console.status.verdict import problems_of, warnings_of
from tests.incidents.incident import UP, Incident, Metric
from tests.incidents.pager import Page, Pager
from tests.staging.stage import Stage

EVERY_S = 0.5


class StatusCommand(NamedTuple):
    """How long `penstock status` took, and what it printed."""

    seconds: float
    output: str


@dataclass
class Watch:
    """What was seen of one incident, and when, by the monotonic clock; `alert` is the page that told of it."""

    incident: Incident
    stage: Stage
    pager: Pager
    began: float = field(default_factory=time.monotonic)
    in_status: float | None = None
    in_metric: float | None = None
    out_of_status: float | None = None
    status_line: str = ""

    @property
    def alert(self) -> Page | None:
        """The alert that it fires."""
        return self.pager.first("firing", self.incident.kind, self.incident.about, self.began)

    @property
    def is_seen(self) -> bool:
        """Whether it was in all three."""
        return None not in (self.in_status, self.in_metric, self.alert)

    @property
    def resolved(self) -> Page | None:
        """The alert that it is over, since the one that it fires."""
        since = self.alert.at if self.alert else self.began
        return self.pager.first("resolved", self.incident.kind, self.incident.about, since)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look for the length of the block."""
        deployment = self.stage.deployment
        url = deployment.service_urls()[self.incident.metric.service]
        before = await read_metric(self.stage.client, url, self.incident.metric)
        tasks = [asyncio.create_task(self._look_at_status()), asyncio.create_task(self._look_at_metric(url, before))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_at_status(self) -> None:
        while True:
            line = next(filter(self._is_of_incident, await status(self.stage)), None)
            now = time.monotonic()
            if line is not None and self.in_status is None:
                self.in_status, self.status_line = now, line
            if line is not None:
                self.out_of_status = None
            elif self.in_status is not None and self.out_of_status is None:
                self.out_of_status = now
            await asyncio.sleep(EVERY_S)

    def _is_of_incident(self, line: str) -> bool:
        return re.search(self.incident.status, line) is not None

    async def _look_at_metric(self, url: str, before: float) -> None:
        while self.in_metric is None:
            now = await read_metric(self.stage.client, url, self.incident.metric)
            if self.incident.metric.shows(before, now):
                self.in_metric = time.monotonic()
            await asyncio.sleep(EVERY_S)


async def status(stage: Stage) -> Sequence[str]:
    """The problems, warnings and alerts that `penstock status` shows, asked as that asks."""
    report = await deployment_status(stage.home, stage.deployment)
    return [*problems_of(report), *warnings_of(report), *map(str, report.alerts)]


async def status_command(stage: Stage) -> StatusCommand:
    """What the command itself prints, and how long it takes with the start of its Python."""
    began = time.monotonic()
    done = await stage.command("status")
    return StatusCommand(time.monotonic() - began, done.output)


async def read_metric(client: httpx.AsyncClient, url: str, metric: Metric) -> float:
    """The value of a series, added up over the labels that are not named; 0 where there is none, or no answer."""
    try:
        page = (await client.get(f"{url}/metrics", timeout=2)).text
    except httpx.HTTPError:
        return 0.0
    if metric.name == UP:
        return 1.0
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    wanted = metric.labels.items()
    return sum(sample.value for sample in samples if sample.name == metric.name and wanted <= sample.labels.items())
