"""A database that is away is told of on the log, once, after a while; and so is its return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock.bus.topics import control_topics
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS
from penstock.registry.db.database_watch import PATIENCE_MS, DatabaseWatch
from penstock.registry.db.engines import IN_MEMORY, open_engine
from penstock.registry.db.transactions import Database, DatabaseUnavailable
from penstock.runtime.single_process import SingleProcess, VirtualClock


class FlakyDatabase(Database):
    """A database that may be away; else it answers at once."""

    is_away = False

    async def write(self, transaction: Callable[[Any], Any]) -> Any:  # noqa: ARG002 - the answer is always the same
        if self.is_away:
            raise DatabaseUnavailable("connection refused")
        return 1


class Site:
    """A watch, its database and the log that it writes to."""

    def __init__(self) -> None:
        self.process = SingleProcess(VirtualClock(1_700_000_000_000))
        self.database = FlakyDatabase(open_engine(IN_MEMORY))
        self.watch = DatabaseWatch(self.database, self.process.resources())

    async def look(self, *, is_away: bool, after_ms: int = 2000) -> None:
        self.database.is_away = is_away
        self.process.clock.advance_to(self.process.clock() + after_ms)
        await self.watch.check()

    def alerts(self) -> list[Alert]:
        return ALERTS.decoder(None)(self.process.log.records_of((ALERTS.name("penstock"), 0)))


@pytest.fixture
async def site() -> Site:
    site = Site()
    await site.process.log.create(control_topics("penstock"))
    return site


async def test_an_outage_is_told_once_and_once_when_it_is_over(site: Site) -> None:
    await site.look(is_away=False)
    for _ in range(PATIENCE_MS // 2000 + 4):
        await site.look(is_away=True)
    await site.look(is_away=False)
    await site.look(is_away=False)
    first, second = site.alerts()
    assert (first.kind, first.severity, first.state) == ("database", "critical", "firing")
    assert first.message == "the database does not answer: connection refused"
    assert (second.state, second.key) == ("resolved", first.key)


async def test_a_restart_of_the_database_is_waited_for(site: Site) -> None:
    for is_away in (True, False, True, True, False):
        await site.look(is_away=is_away)
    assert site.alerts() == []


async def test_what_the_broker_does_not_take_is_told_when_it_is_back(site: Site) -> None:
    site.process.log.away = True
    for _ in range(8):
        await site.look(is_away=True)
    site.process.log.away = False
    await site.look(is_away=True)
    assert [alert.state for alert in site.alerts()] == ["firing"]
