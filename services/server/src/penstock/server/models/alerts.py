"""Telling people that a model was refused: once, and again only until it has been said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from penstock.bus.errors import TransientError
from penstock.contracts.ids import derived_id
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import FAILED_CHALLENGER, Alert
from penstock.server.models.epochs import Unserved

SOURCE = "penstock/server"

Publish = Callable[[Alert], Awaitable[None]]

log = logging.getLogger("penstock.server")


def refused_model(record: ModelEpoch, refused: Unserved) -> Alert:
    """The alert about a refused model: the same record, whichever child says it and however often."""
    return Alert(
        source=SOURCE,
        id=derived_id("refused-model", record.stream, record.epoch),
        time=record.time,
        cause=record.id,
        severity="critical",
        subject="refused-model",
        message=f"the model of epoch {record.epoch} is refused: {refused.reason}",
        stream=record.stream,
    )


def failed_challenger(record: ModelEpoch, version: int, why: str) -> Alert:
    """The alert about a challenger that was taken out: with it the registry ends the trial."""
    return Alert(
        source=SOURCE,
        id=derived_id(FAILED_CHALLENGER, record.stream, record.epoch, version),
        time=record.time,
        cause=record.id,
        severity="critical",
        subject=FAILED_CHALLENGER,
        message=f"the challenger, version {version}, was taken out in epoch {record.epoch}: {why}",
        stream=record.stream,
        version=version,
    )


class Alerts:
    """Alerts still to be published, in order; one that the broker did not take is kept for the next try."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._untold: list[Alert] = []
        self._telling = asyncio.Lock()

    def __bool__(self) -> bool:
        """Whether something is left to be said."""
        return bool(self._untold)

    def add(self, alert: Alert) -> None:
        """Say this at the next opportunity."""
        self._untold.append(alert)

    async def tell(self) -> None:
        """Publish what is left, as far as the broker takes it."""
        async with self._telling:
            try:
                while self._untold:
                    await self._publish(self._untold[0])
                    del self._untold[0]
            except TransientError as error:
                log.warning("an alert is told later: %s", error)
