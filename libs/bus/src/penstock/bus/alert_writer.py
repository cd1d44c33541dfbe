"""Alerts that are written beside other work: nothing waits for them, nor fails with them."""

from __future__ import annotations

import asyncio

from penstock.bus.alert_queue import AlertQueue
from penstock.bus.errors import suppress_transient
from penstock.bus.publisher import Publisher
from penstock.contracts.batch import Outputs
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS

LAST_TRY = 2.0  # seconds that a stop waits for alerts that are not written yet


class AlertWriter:
    """Alerts to be written; what the broker does not take stays for the next try."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._queue = AlertQueue(self._publish)
        self._writing: asyncio.Task[None] | None = None

    def add(self, alert: Alert) -> None:
        """Add an alert to what is to be written."""
        self._queue.add(alert)

    def write_soon(self) -> None:
        """Begin to write what is pending, unless that is under way."""
        if self._queue and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._queue.publish_pending())

    async def _publish(self, alert: Alert) -> None:
        key = alert.stream.encode() if alert.stream else None
        await self._publisher.publish([Outputs(ALERTS, None, [alert], [key])])

    async def close(self) -> None:
        """Write what is pending, if that takes no longer than 2 s."""
        self.write_soon()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=LAST_TRY)
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await suppress_transient(self._publisher.close())
