"""Alerts about models that must not serve, published once each as soon as the broker takes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from penstock.bus.errors import TransientError
from penstock.contracts.ids import derived_id
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import FAILED_CHALLENGER, Alert

SOURCE = "penstock/server"

Publish = Callable[[Alert], Awaitable[None]]

log = logging.getLogger("penstock.server")


def refused_model(record: ModelEpoch, reason: str) -> Alert:
    """The alert about a refused champion: the same record, whichever process writes it and however often."""
    return Alert(
        source=SOURCE,
        id=derived_id("refused-model", record.stream, record.epoch),
        time=record.time,
        cause=record.id,
        severity="critical",
        subject="refused-model",
        message=f"the model of epoch {record.epoch} is refused: {reason}",
        stream=record.stream,
    )


def failed_challenger(record: ModelEpoch, version: int, reason: str) -> Alert:
    """The alert about a challenger that was taken out: at it the registry ends the rollout."""
    return Alert(
        source=SOURCE,
        id=derived_id(FAILED_CHALLENGER, record.stream, record.epoch, version),
        time=record.time,
        cause=record.id,
        severity="critical",
        subject=FAILED_CHALLENGER,
        message=f"the challenger, version {version}, was taken out in epoch {record.epoch}: {reason}",
        stream=record.stream,
        version=version,
    )


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
