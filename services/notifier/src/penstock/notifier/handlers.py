"""Alerts in, and records of their delivery out: one by one, in the order of the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from penstock.bus.state.unit_state import State
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.records.monitoring import Alert, Notification
from penstock.contracts.topics import NOTIFICATIONS
from penstock.notifier.deliveries import Deliveries
from penstock.notifier.grouping import Matter, is_silent, is_wanted, judge
from penstock.notifier.news import News
from penstock.notifier.notifications import Destination, Silence

BEGIN = b"begin"  # of the state: alerts from before this are history
NEWS_MS = 3_600_000  # how old an alert may be when the destination is told for the first time

log = logging.getLogger(__name__)


class Handler:
    """Tells one destination. `started` is when the process did, in milliseconds since 1970."""

    def __init__(
        self,
        destination: Destination,
        silences: Sequence[Silence],
        deliveries: Deliveries,
        state: State,
        started: int,
    ) -> None:
        self._destination = destination
        self._silences = silences
        self._deliveries = deliveries
        self._state = state
        self._started = started

    async def handle(self, batch: Batch[Alert]) -> list[AnyOutputs]:
        """Send what is to be sent of a batch; the records of it.

        Raises:
            DestinationUnavailable: the destination did not take one; the batch is handled again.
        """
        begin = self._begin()
        records, causes = [], []
        for index, (alert, raw) in enumerate(zip(batch.records, batch.raw, strict=True)):
            if raw.timestamp >= begin and not is_silent(alert, raw.timestamp, self._silences):
                notification = await self._tell(alert, raw.offset, raw.timestamp)
                if notification is not None:
                    records.append(notification)
                    causes.append(index)
        self._deliveries.batch_done()
        return [self._outputs(records, causes)] if records else []

    def _begin(self) -> int:
        begin = self._state.get(BEGIN)
        if begin is None:
            begin = b"%d" % (self._started - NEWS_MS)
            self._state.put(BEGIN, begin)
        return int(begin)

    async def _tell(self, alert: Alert, offset: int, time: int) -> Notification | None:
        """Send an alert unless it is not wanted or one of its key was sent; the record of the delivery."""
        if alert.key is None:
            news = News.of(alert, time, 0) if is_wanted(alert, self._destination) else None
        else:
            news = self._news_of_key(alert, alert.key, time)
        if news is None:
            return None
        notification = await self._deliveries.deliver(offset, news)
        if notification.outcome == "refused":
            log.error("%s does not take alert %s: %s", notification.destination, alert.id, notification.detail)
        return notification

    def _news_of_key(self, alert: Alert, key: str, time: int) -> News | None:
        stored = self._state.get(_state_key(key))
        before = msgspec.json.decode(stored, type=Matter) if stored else None
        verdict = judge(alert, time, before, self._destination)
        if verdict.matter is None:
            self._state.delete(_state_key(key))
        else:
            self._state.put(_state_key(key), msgspec.json.encode(verdict.matter))
        if not verdict.is_sent:
            return None
        matter = verdict.matter or before
        return News.of(alert, matter.first_seen if matter else time, before.unsent if before else 0)

    def _outputs(self, records: Sequence[Notification], causes: Sequence[int]) -> AnyOutputs:
        keys = [self._destination.name.encode()] * len(records)
        return Outputs(NOTIFICATIONS, None, records, keys, causes=causes)


def _state_key(key: str) -> bytes:
    return b"key:" + key.encode()
