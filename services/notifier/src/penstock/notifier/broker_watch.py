"""Tells of a broker that is away, past the log: an alert about it could not be written there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from penstock.bus.errors import TransientError
from penstock.bus.ports import Clock, Log
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert, AlertState
from penstock.contracts.topics import ALERTS
from penstock.notifier.deliveries import SOURCE
from penstock.notifier.delivery.errors import DeliveryRefused, DestinationUnavailable
from penstock.notifier.delivery.senders import Sender
from penstock.notifier.grouping import is_silent, is_wanted
from penstock.notifier.news import News
from penstock.notifier.notifications import Destination, Silence

EVERY_S = 2.0
ANSWER_S: Final = 5.5  # within which it answers, or is away for this look; above the patience, so that one is enough
PATIENCE_MS = 5_000  # a broker that restarts is waited for

log = logging.getLogger(__name__)


class Recipient(NamedTuple):
    """A destination, and what sends there."""

    destination: Destination
    sender: Sender


class BrokerWatch:
    """Asks the broker every two seconds, and tells each destination once that it is away, and once that it is back.

    Each is given to `count` as well, so that the metrics have it, which no record on the log tells.
    """

    def __init__(
        self,
        broker: Log,
        namespace: str,
        recipients: Sequence[Recipient],
        silences: Sequence[Silence],
        clock: Clock,
        count: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._topic_partition = (ALERTS.name(namespace), 0)
        self._recipients = recipients
        self._silences = silences
        self._clock = clock
        self._away_since: int | None = None
        self._count = count
        self._is_counted = False
        self._told: set[str] = set()

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await self.check()
            await asyncio.sleep(EVERY_S)

    async def check(self) -> None:
        """Look once, and tell who is to be told by now; who does not take it is told at the next look."""
        asked = self._clock()
        reason = await self._why_away()
        if reason is None:
            await self._tell_of_return()
            return
        if self._away_since is None:
            self._away_since = asked
        if self._clock() - self._away_since >= PATIENCE_MS:
            self._count_once("firing")
            alert = _alert(self._away_since, f"the broker does not answer: {reason}", "firing")
            untold = [one for one in self._recipients if one.destination.name not in self._told]
            self._told |= await self._tell([one for one in untold if self._wants(one, alert)], alert)

    async def _why_away(self) -> str | None:
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._broker.end_offsets([self._topic_partition])
        except TimeoutError:
            return f"not within {ANSWER_S:g} s"
        except TransientError as error:
            return str(error)
        return None

    async def _tell_of_return(self) -> None:
        if self._away_since is None:
            return
        if self._is_counted:
            self._count_once("resolved")
        alert = _alert(self._away_since, "the broker answers again", "resolved")
        told = [one for one in self._recipients if one.destination.name in self._told]
        self._told -= await self._tell(told, alert)
        if not self._told:
            self._away_since = None

    def _count_once(self, state: AlertState) -> None:
        """Count that it is away, or that it is back, at the first look that finds it so."""
        if self._is_counted != (state == "firing"):
            self._is_counted = state == "firing"
            self._count(state)

    def _wants(self, recipient: Recipient, alert: Alert) -> bool:
        return is_wanted(alert, recipient.destination) and not is_silent(alert, self._clock(), self._silences)

    async def _tell(self, recipients: Sequence[Recipient], alert: Alert) -> set[str]:
        """Send the alert to all of them at once; the names of those that need not be asked again."""
        news = News.of(alert, self._away_since or self._clock(), 0)
        done = await asyncio.gather(*(_send(recipient, news) for recipient in recipients))
        return {one.destination.name for one, is_done in zip(recipients, done, strict=True) if is_done}


async def _send(recipient: Recipient, news: News) -> bool:
    try:
        await recipient.sender.send(news)
    except DestinationUnavailable:
        return False
    except DeliveryRefused as error:
        log.error("%s does not take alert %s: %s", recipient.destination.name, news.alert.id, error)
    return True


def _alert(away_since: int, message: str, state: AlertState) -> Alert:
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "broker", away_since, state),
        time=datetime.fromtimestamp(away_since / 1000, UTC),
        severity="critical",
        subject="broker",
        message=message,
        kind=AlertKind.BROKER,
        key=alert_key(AlertKind.BROKER, None),
        state=state,
    )
