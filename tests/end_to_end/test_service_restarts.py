"""Each service is restarted while events are sent: nothing is lost or duplicated."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.plan.service_plans import SERVICES
from penstock.console.replay.rows.labelled_rows import Row
from penstock.console.replay.stream_time import ReplaySender
from penstock.console.replay.wall_time import replay_in_wall_time
from penstock.console.supervision.restart_requests import restart_and_wait
from penstock.contracts.topics import EVENTS, OUTCOMES, PREDICTIONS

from .conftest import Site

MAX_EVENTS = 20_000
RATE = 30.0  # events a second
DELAY = 30


class StoppableApplications(CreditRisk):
    """Loan applications until `stopped` is set."""

    stopped = threading.Event()

    def rows(self) -> Iterator[Row]:
        """The applications in order."""
        for row in super().rows():
            if self.stopped.is_set():
                return
            yield row


async def restart_each(site: Site, applications: StoppableApplications) -> None:
    """Restart one service after the other, each when the previous one is ready again."""
    try:
        for service in SERVICES:
            await asyncio.to_thread(restart_and_wait, site.home, service)
    finally:
        applications.stopped.set()


async def test_each_service_restarts_while_events_are_sent(site: Site) -> None:
    applications = StoppableApplications(MAX_EVENTS, planted_at=None)
    async with site.stream("restarted") as deployment:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(restart_each(site, applications))
            sender = ReplaySender(applications, deployment)
            replay = tasks.create_task(replay_in_wall_time(sender, deployment.watch, DELAY, RATE, lambda _: None))
        sent = replay.result()
        stream = deployment.watch.stream
    assert (len(sent.refusals), sent.labels) == (0, sent.events)
    for topic in (EVENTS, PREDICTIONS, OUTCOMES):
        bodies_by_id: dict[str, set[bytes]] = {}
        for record, value in await site.records(topic, stream):
            bodies_by_id.setdefault(record.id, set()).add(value)
        assert set(bodies_by_id) == set(sent.rows.ids()), topic
        assert {len(bodies) for bodies in bodies_by_id.values()} == {1}, topic
    labels = {record.id: record.data.label for record, _ in await site.records(OUTCOMES, stream)}
    assert labels == sent.rows.by_id()
