"""Alerts that are published as soon as the broker takes them, once each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from penstock.bus.errors import TransientError
from penstock.contracts.records.monitoring import Alert

Publish = Callable[[Alert], Awaitable[None]]

log = logging.getLogger(__name__)


class AlertQueue:
    """Alerts still to be published, in order; one that the broker did not take stays for the next try."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._pending: list[Alert] = []
        self._publishing = asyncio.Lock()

    def __bool__(self) -> bool:
        """Whether an alert is still to be published."""
        return bool(self._pending)

    def add(self, alert: Alert) -> None:
        """Publish this alert with the next call of `publish_pending`."""
        self._pending.append(alert)

    async def publish_pending(self) -> None:
        """Publish all alerts, as far as the broker takes them."""
        async with self._publishing:
            try:
                while self._pending:
                    await self._publish(self._pending[0])
                    del self._pending[0]
            except TransientError as error:
                log.warning("an alert is published later: %s", error)
