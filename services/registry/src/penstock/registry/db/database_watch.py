"""Watches whether the database answers: an alert when it has not for five seconds, and one when it does again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text

from penstock.bus.alert_queue import AlertQueue
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.batch import output
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert, AlertState
from penstock.contracts.topics import ALERTS
from penstock.registry.control_records import SOURCE
from penstock.registry.db.transactions import Database, DatabaseUnavailable
from penstock.runtime.service import Resources

DATABASE: Final = "database"
EVERY_S = 2.0
ANSWER_S = 5.5  # within which it answers, or is away for this look; above the patience, so that one is enough
PATIENCE_MS = 5_000  # a database that restarts is waited for


class DatabaseWatch:
    """Asks the database for its write lock again and again, one question at a time; while one hangs none is asked.

    Without the lock nothing is promoted, declared or commanded, although all can be read.
    """

    def __init__(self, database: Database, resources: Resources) -> None:
        self._database = database
        self._resources = resources
        self._question: asyncio.Task[str | None] | None = None
        self._away_since: int | None = None
        self._is_told = False
        self._alerts = AlertQueue(self._publish)

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await self.check()
            await asyncio.sleep(EVERY_S)

    async def check(self) -> None:
        """Look once, and publish what there is to tell, if the broker takes it."""
        asked = self._resources.clock()
        reason, now = await self._why_away(), self._resources.clock()
        if reason is None:
            self._answers_again(now)
        else:
            self._is_away(reason, asked, now)
        await self._alerts.publish_pending()

    async def _why_away(self) -> str | None:
        if self._question is None:
            self._question = asyncio.create_task(self._ask())
        done, _ = await asyncio.wait({self._question}, timeout=ANSWER_S)
        if not done:
            return f"not within {ANSWER_S:g} s"
        reason, self._question = self._question.result(), None
        return reason

    async def _ask(self) -> str | None:
        try:
            await self._database.write(lambda session: session.execute(text("SELECT 1")).scalar_one())
        except DatabaseUnavailable as error:
            return str(error)
        return None

    def _is_away(self, reason: str, asked: int, now: int) -> None:
        if self._away_since is None:
            self._away_since = asked
        if now - self._away_since >= PATIENCE_MS and not self._is_told:
            self._is_told = True
            self._alerts.add(_alert(self._away_since, now, f"the database does not answer: {reason}", "firing"))

    def _answers_again(self, now: int) -> None:
        if self._away_since is not None and self._is_told:
            self._alerts.add(_alert(self._away_since, now, "the database answers again", "resolved"))
        self._away_since, self._is_told = None, False

    async def _publish(self, alert: Alert) -> None:
        await self._resources.publisher.publish([output(ALERTS, alert, key=DATABASE)])


def _alert(away_since: int, now: int, message: str, state: AlertState) -> Alert:
    return Alert(
        source=SOURCE,
        id=derived_id("alert", DATABASE, away_since, state),
        time=datetime.fromtimestamp(now / 1000, UTC),
        severity="critical" if state == "firing" else "info",
        subject=DATABASE,
        message=message,
        kind=AlertKind.DATABASE,
        key=alert_key(AlertKind.DATABASE, None),
        state=state,
    )
