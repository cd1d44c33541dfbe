"""The deliveries to one destination: what was tried, and what was sent although its batch is not done."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Literal

from penstock.bus.ports import Clock
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Notification
from penstock.notifier.delivery.errors import DeliveryRefused, DestinationUnavailable
from penstock.notifier.delivery.senders import Sender
from penstock.notifier.news import News

SOURCE = "penstock/notifier"


class Deliveries:
    """Outlives a failed batch, so that what was sent of it is not sent again with the rest of it.

    A crash forgets that: then what was sent and not committed is sent again, under the same ids.
    """

    def __init__(self, destination: str, sender: Sender, clock: Clock) -> None:
        self._destination = destination
        self._sender = sender
        self._clock = clock
        self._tries: Counter[int] = Counter()
        self._done: dict[int, Notification] = {}

    async def deliver(self, offset: int, news: News) -> Notification:
        """Send the news of the alert at an offset, unless that is done; the record of it.

        Raises:
            DestinationUnavailable: it is to be sent again.
        """
        if offset not in self._done:
            self._tries[offset] += 1
            outcome, detail = await self._send(news)
            self._done[offset] = self._record(news, outcome, self._tries[offset], detail)
        return self._done[offset]

    def batch_done(self) -> None:
        """All of a batch is delivered: nothing of it is asked for again."""
        self._tries.clear()
        self._done.clear()

    async def _send(self, news: News) -> tuple[Literal["delivered", "refused"], str]:
        try:
            return "delivered", await self._sender.send(news)
        except DeliveryRefused as error:
            return "refused", str(error)
        except DestinationUnavailable as error:
            raise DestinationUnavailable(f"destination {self._destination!r}: {error}") from error

    def _record(self, news: News, outcome: Literal["delivered", "refused"], tries: int, detail: str) -> Notification:
        alert = news.alert
        return Notification(
            source=SOURCE,
            id=derived_id("notification", self._destination, alert.source, alert.id),
            time=datetime.fromtimestamp(self._clock() / 1000, UTC),
            cause=alert.id,
            alert=alert.id,
            destination=self._destination,
            outcome=outcome,
            tries=tries,
            detail=detail[:500],
            stream=alert.stream,
        )
