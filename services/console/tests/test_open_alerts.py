"""Status names what is wrong though every process is ready: the alerts of the last day that are not over."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Literal

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch
from penstock.bus.topics import control_topics
from penstock.console.status.open_alerts import FORGOTTEN_AFTER_MS, read_open_alerts
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)  # alerts of streams bear the event's time


class Site:
    """A log of alerts, and the time at which they come."""

    def __init__(self) -> None:
        self.now = round(time.time() * 1000)
        self.log = MemoryLog(lambda: self.now)

    def write(self, kind: AlertKind, state: Literal["firing", "resolved"] = "firing") -> None:
        alert = Alert(
            source="test", id=f"{kind}-{state}", time=LONG_AGO, severity="warning", subject=kind,
            message="it happened", stream="loans", kind=kind, key=alert_key(kind, "loans"), state=state,
        )  # fmt: skip
        self.write_bytes(encode(alert))

    def write_bytes(self, value: bytes) -> None:
        self.log.append([RecordBatch.single(ALERTS.name("penstock"), 0, b"k", value)])

    async def open_alerts(self) -> list[str]:
        return [str(alert) for alert in await read_open_alerts(self.log, "penstock")]


@pytest.fixture
async def site() -> Site:
    site = Site()
    await site.log.create(control_topics("penstock"))
    return site


async def test_an_alert_is_open_until_its_key_is_resolved(site: Site) -> None:
    for kind in (AlertKind.COVERAGE, AlertKind.SHORTFALL, AlertKind.GAP):
        site.write(kind)
    site.write(AlertKind.SHORTFALL, "resolved")
    site.write_bytes(b"no alert")
    gap, coverage = await site.open_alerts()
    assert gap.startswith("loans: gap: it happened, at ")
    assert coverage.endswith("see docs/runbooks/labels-that-do-not-join.md")


async def test_one_that_nothing_resolves_is_open_for_a_day_from_when_it_came(site: Site) -> None:
    came, site.now = site.now, site.now - FORGOTTEN_AFTER_MS - 60_000
    site.write(AlertKind.GAP)
    site.now = came - FORGOTTEN_AFTER_MS + 60_000
    site.write(AlertKind.COVERAGE)
    (line,) = await site.open_alerts()
    assert line.startswith("loans: coverage")
