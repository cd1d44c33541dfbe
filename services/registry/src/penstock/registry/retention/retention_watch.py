"""Watches what is left of retention, and who lags, once a minute: a metric, a view, and an alert for each change."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from penstock.bus.alert_queue import AlertQueue
from penstock.bus.errors import TransientError
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.batch import output
from penstock.contracts.ids import derived_id
from penstock.contracts.read_topics import destination_groups, read_topics
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS, NOTIFIER_GROUPS
from penstock.registry.control_records import SOURCE
from penstock.registry.retention.lags import LagChange, Lags
from penstock.registry.retention.retention_left import Level, RetentionLeft, level_after
from penstock.registry.retention.retention_survey import survey
from penstock.runtime.service import Resources

RETENTION: Final = "retention"
EVERY_S = 60.0
RETRY_S = 5.0

_SEVERITY: dict[Level, Literal["info", "warning", "critical"]] = {
    "ample": "info",
    "low": "warning",
    "passed": "critical",
}

log = logging.getLogger(__name__)


class RetentionWatch:
    """What is left of the retention of every topic that groups read, least first, as of the last check.

    It asks the log, not the groups, so that a group that is down is seen too. `checked` is when, None before the
    first; `failure` is why the newest check did not succeed. Several registries write the same alerts, with the same
    ids as long as the group stands still.
    """

    def __init__(self, resources: Resources) -> None:
        self.left: Sequence[RetentionLeft] = ()
        self.checked: datetime | None = None
        self.failure: str | None = None
        self._resources = resources
        self._levels: dict[str, Level] = {}
        self._lags = Lags()
        self._alerts = AlertQueue(self._publish)

    async def run(self) -> None:
        """Check for ever."""
        while True:
            try:
                await self.check()
                self.failure = None
            except TransientError as error:
                self.failure = str(error)
                log.warning("what is left of retention is not known: %s", error)
            await asyncio.sleep(RETRY_S if self.failure else EVERY_S)

    async def check(self) -> None:
        """Look at every topic once.

        Raises:
            TransientError: the log does not answer, or does not permit it.
        """
        resources, now = self._resources, self._resources.clock()
        destinations = destination_groups(await resources.log.group_members(NOTIFIER_GROUPS))
        read = read_topics(resources.namespace, resources.streams, destinations)
        topics = [topic for topic in read if topic.expires]
        found = await survey(resources.log, topics, now)
        self.left = sorted(found, key=lambda left: (left.share, left.seconds, left.topic))
        self.checked = datetime.fromtimestamp(now / 1000, UTC)
        for left in sorted(found, key=lambda left: -left.seconds):  # the least of a stream last, and kept
            resources.metrics.set_retention_left(left.stream or "", left.seconds)
            resources.metrics.streams.set_unread(left.stream or "", left.topic, left.group, left.unread)
        self._note_levels(found, self.checked)
        for change in self._lags.after(found):
            self._alerts.add(lag_alert(change, self.checked))
        await self._alerts.publish_pending()

    def level(self, topic: str) -> Level:
        """The level of a topic as of the last check."""
        return self._levels.get(topic, "ample")

    def _note_levels(self, found: Sequence[RetentionLeft], now: datetime) -> None:
        levels = {left.topic: level_after(self.level(left.topic), left) for left in found}
        for left in found:
            if levels[left.topic] != self.level(left.topic):
                log.warning("%s", retention_text(left, levels[left.topic]))
                self._alerts.add(retention_alert(left, levels[left.topic], now))
        levels = self._levels | levels  # a topic that was not found this time keeps its level
        self._levels = {topic: level for topic, level in levels.items() if level != "ample"}

    async def _publish(self, alert: Alert) -> None:
        await self._resources.publisher.publish([output(ALERTS, alert, key=alert.stream or RETENTION)])


def retention_alert(left: RetentionLeft, level: Level, now: datetime) -> Alert:
    """The alert that a topic has come to a level."""
    return Alert(
        source=SOURCE,
        id=derived_id(RETENTION, level, left.topic, left.partition, left.group, left.position),
        time=now,
        severity=_SEVERITY[level],
        subject=RETENTION,
        message=retention_text(left, level),
        stream=left.stream,
        kind=AlertKind.RETENTION,
        key=alert_key(AlertKind.RETENTION, left.stream, left.topic),
        state="resolved" if level == "ample" else "firing",
    )


def lag_alert(change: LagChange, now: datetime) -> Alert:
    """The alert that the slowest group of a topic has begun to lag, or has caught up."""
    left, state = change
    age = timedelta(seconds=round(left.age))
    lags = f"{left.group} has not read what was written to {left.topic}/{left.partition} {age} ago"
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "lag", state, left.topic, left.partition, left.group, left.position),
        time=now,
        severity="warning" if state == "firing" else "info",
        subject="lag",
        message=lags if state == "firing" else f"all groups have caught up with {left.topic}",
        stream=left.stream,
        kind=AlertKind.LAG,
        key=alert_key(AlertKind.LAG, left.stream, left.topic),
        state=state,
    )


def retention_text(left: RetentionLeft, level: Level) -> str:
    """What is left, for people, and what to do."""
    where = f"{left.topic}/{left.partition}: {left.group} is at offset {left.position}"
    match level:
        case "passed":
            return f"{where}, and retention may delete what it has not read; start it, or see why it is slow"
        case "low":
            soon = "soon" if math.isinf(left.seconds) else f"in {timedelta(seconds=round(left.seconds))}"
            return (
                f"{where}, and {soon} retention may delete what it has not read ({left.share:.0%} of the retention is "
                "left); start it, or raise the topic's retention.bytes and retention.ms"
            )
        case "ample":
            return f"{where}, and {left.share:.0%} of the retention is left again"
