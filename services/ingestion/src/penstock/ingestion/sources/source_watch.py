"""Whether a source gets on, for its health and the alert about it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.ports import Clock
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert, AlertState
from penstock.ingestion.sources.source_name import SourceName

TOLD_AFTER_MS = 30_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = logging.getLogger(__name__)


class SourceWatch:
    """Remembers since when a source fails; after half a minute an alert says so, and another that it is over.

    The first success says that it is over, too: an earlier process may have told of a failure.
    """

    def __init__(self, name: SourceName, alerts: AlertWriter, clock: Clock) -> None:
        self.failure: str | None = None
        self._name = name
        self._alerts = alerts
        self._clock = clock
        self._since: int | None = None
        self._told: AlertState | None = None

    def fail(self, reason: str) -> None:
        """It does not get on."""
        now = self._clock()
        if reason != self.failure:
            log.warning("%s: %s", self._name, reason)
        self.failure = reason
        self._since = now if self._since is None else self._since
        if self._told != "firing" and now - self._since >= TOLD_AFTER_MS:
            self._tell("firing", self._since, f"nothing is read from {self._name}: {reason}")

    def succeed(self) -> None:
        """It gets on."""
        self.failure = self._since = None
        if self._told != "resolved":
            self._tell("resolved", self._clock(), f"{self._name} is read")
        self._alerts.write_soon()

    def tell(self, alert: Alert) -> None:
        """Have another alert about it written."""
        self._alerts.add(alert)
        self._alerts.write_soon()

    def _tell(self, state: AlertState, since: int, message: str) -> None:
        stream, name = self._name.stream, self._name.name
        self._told = state
        self.tell(
            Alert(
                source="penstock/ingestion",
                id=derived_id("alert", "source", stream, name, state, since),
                time=_EPOCH + timedelta(milliseconds=since),
                severity="critical" if state == "firing" else "info",
                subject=name,
                message=message,
                stream=stream,
                kind=AlertKind.SOURCE,
                key=alert_key(AlertKind.SOURCE, stream, name),
                state=state,
            )
        )
