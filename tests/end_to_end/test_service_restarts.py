"""Any service is stopped and started again while events flow: nothing is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.plan.service_plans import SERVICES
from penstock.console.replay.labelled_rows import Row
from penstock.console.replay.wall_time import replay_in_wall_time
from penstock.console.supervision.restart_requests import restart_and_wait
from penstock.contracts.topics import EVENTS, OUTCOMES, PREDICTIONS

from .conftest import Site

MOST = 20_000
RATE = 30.0  # events a second
DELAY = 30


class UntilSaid(CreditRisk):
    """Applications without end, until `enough` is set."""

    enough = threading.Event()

    def rows(self) -> Iterator[Row]:
        """As many as were wanted."""
        for row in super().rows():
            if self.enough.is_set():
                return
            yield row


async def restart_each(site: Site, feed: UntilSaid) -> None:
    """One after the other, each once the one before is ready again."""
    try:
        for service in SERVICES:
            await asyncio.to_thread(restart_and_wait, site.home, service)
    finally:
        feed.enough.set()


async def test_each_service_restarts_while_events_flow(site: Site) -> None:
    feed = UntilSaid(MOST, planted_at=None)
    async with site.stream("restarted") as deployment:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(restart_each(site, feed))
            sending = tasks.create_task(replay_in_wall_time(feed, deployment, DELAY, RATE, lambda _: None))
        sent = sending.result()
        stream = deployment.watch.stream
    assert (sent.refused, sent.labels) == (0, sent.events)
    for topic in (EVENTS, PREDICTIONS, OUTCOMES):
        held: dict[str, set[bytes]] = {}
        for record, value in await site.records(topic, stream):
            held.setdefault(record.id, set()).add(value)
        assert set(held) == set(sent.rows.numbers), topic
        assert {len(bodies) for bodies in held.values()} == {1}, topic
    labels = {record.id: record.data.label for record, _ in await site.records(OUTCOMES, stream)}
    assert labels == sent.rows.labels
