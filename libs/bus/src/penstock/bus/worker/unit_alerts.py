"""Alerts about units, written beside the loop: no unit waits for them, nor fails with them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from penstock.bus.alert_queue import AlertQueue
from penstock.bus.errors import suppress_transient
from penstock.bus.publisher import Publisher
from penstock.bus.routes import Unit
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.batch import Outputs
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS

SUSPENDED_UNIT: Final = "suspended-unit"
RESUMED_UNIT: Final = "resumed-unit"
LAST_TRY = 2.0  # seconds that a stop waits for alerts that are not written yet


class UnitAlerts:
    """The alerts of one member about its units; what the broker does not take stays for the next try."""

    def __init__(self, group: str, publisher: Publisher) -> None:
        self._group = group
        self._publisher = publisher
        self._queue = AlertQueue(self._publish)
        self._writing: asyncio.Task[None] | None = None

    def add(self, unit: Unit, subject: str, message: str) -> None:
        """Add an alert about a unit. `message` goes on from its name: `is suspended: …`."""
        now = datetime.now(UTC)
        self._queue.add(
            Alert(
                source=f"penstock/{self._group}",
                id=derived_id(subject, self._group, unit, now.isoformat()),
                time=now,
                severity="info" if subject == RESUMED_UNIT else "critical",
                subject=subject,
                message=f"{self._group}: unit {unit} {message}",
                stream=unit.stream,
                kind=AlertKind.UNIT_SUSPENDED,
                key=alert_key(AlertKind.UNIT_SUSPENDED, unit.stream, self._group, unit.partition),
                state="resolved" if subject == RESUMED_UNIT else "firing",
            )
        )

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
