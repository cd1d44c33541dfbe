"""`penstock alerts` and `penstock drift`: what the log has of them, for people and for programs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from rich.console import Console

from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.console.commands.alerts import follow_alerts
from penstock.console.views.alert_lines import AlertFilter, alert_json, alert_text, read_alerts, read_deliveries
from penstock.console.views.drift_table import drift_document, drift_table, read_drifts
from penstock.contracts.batch import output
from penstock.contracts.records.monitoring import Alert, Drift, Notification
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import ALERTS, DRIFT, NOTIFICATIONS

from .training_records import NOW, envelope, log_with


def alert(number: int, **more: Any) -> Alert:
    fields = {
        **envelope("loans"),
        "id": f"a{number}",
        "severity": "critical",
        "subject": "s",
        "kind": "gap",
        "key": "k",
    }
    return Alert.model_validate({**fields, "message": f"message {number}", **more})


def notification(alert_id: str, destination: str, **more: Any) -> Notification:
    fields = {**envelope("loans"), "id": f"{alert_id}{destination}", "alert": alert_id, "destination": destination}
    return Notification.model_validate({**fields, "outcome": "delivered", "tries": 1, **more})


def drift(stream: str, **more: Any) -> Drift:
    fields = {"kind": "concept", "detector": "scan", "statistic": 0.31, "threshold": 0.16, "status": "confirmed"}
    event = {"outcomes": 501, "event_source": "s", "event_id": "e", "epoch": 1, "earlier_mean": 0.16, "hurts": 0.15}
    return Drift.model_validate({**envelope(stream), "id": f"d{stream}", **fields, **event, **more})


async def log_of_alerts() -> MemoryLog:
    return await log_with(
        (ALERTS, alert(1)),
        (ALERTS, alert(2, severity="warning")),
        (ALERTS, alert(3, stream="other")),
        (ALERTS, alert(4, state="resolved")),
        (NOTIFICATIONS, notification("a1", "ops", tries=3)),
        (NOTIFICATIONS, notification("a1", "ops", tries=9)),
        (NOTIFICATIONS, notification("a1", "channel", outcome="refused", detail="HTTP 410")),
        (NOTIFICATIONS, notification("gone", "ops")),
    )


@pytest.mark.parametrize(
    ("wanted", "last", "expected"),
    [
        (AlertFilter(None, "info"), 50, ["a1", "a2", "a3", "a4"]),
        (AlertFilter(None, "info"), 2, ["a3", "a4"]),
        (AlertFilter("loans", "critical"), 50, ["a1", "a4"]),
        (AlertFilter("other", "info"), 50, ["a3"]),
    ],
)
async def test_the_newest_alerts_that_are_asked_for(wanted: AlertFilter, last: int, expected: list[str]) -> None:
    found = await read_alerts(await log_of_alerts(), "penstock", wanted.takes, last)
    assert [one.id for one in found] == expected


async def test_an_alert_says_who_was_told_and_what_helps() -> None:
    log = await log_of_alerts()
    deliveries = await read_deliveries(log, "penstock", [alert(1), alert(4)])
    text = alert_text(alert(1), deliveries).plain.splitlines()
    assert text[0] == "2026-01-01 00:00:00  critical  loans: gap"
    assert [line.strip() for line in text[1:]] == [
        "message 1",
        "delivered to ops after 3 tries",
        "refused by channel: HTTP 410",
        "see docs/runbooks/a-gap-in-the-log.md",
    ]
    assert alert_text(alert(4, state="resolved"), deliveries).plain.splitlines()[0].split()[2] == "resolved"
    document = json.loads(alert_json(alert(1), deliveries))
    assert (document["kind"], document["runbook"]) == ("gap", "docs/runbooks/a-gap-in-the-log.md")
    assert [told["destination"] for told in document["notifications"]] == ["ops", "channel"]


async def test_following_shows_the_newest_and_then_what_comes(capsys: pytest.CaptureFixture[str]) -> None:
    log = await log_of_alerts()
    shown: list[str] = []
    wanted = AlertFilter("loans", "critical")
    following = asyncio.create_task(follow_alerts(log, "penstock", wanted, 1, as_json=True))
    publisher = Publisher(log, "penstock", Streams())
    async with asyncio.timeout(60):
        while len(shown) < 3:
            shown += [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
            if len(shown) == 1:
                await publisher.publish([output(ALERTS, alert(number, stream="loans")) for number in (5, 6)])
                await publisher.publish([output(ALERTS, alert(7, severity="info"))])
            await asyncio.sleep(0.01)
    following.cancel()
    assert shown[:3] == ["a4", "a5", "a6"]


async def test_drifts_of_a_stream_or_of_all() -> None:
    feature = drift("loans", id="f", kind="missing", field="amount", status="suspected", hurts=None, earlier_mean=None)
    log = await log_with((DRIFT, drift("loans")), (DRIFT, drift("other")), (DRIFT, feature))
    assert [one.id for one in await read_drifts(log, "penstock", None, 2)] == ["dother", "f"]
    found = await read_drifts(log, "penstock", "loans", 50)
    document = drift_document(found)
    assert [one["status"] for one in document["drifts"]] == ["confirmed", "suspected"]
    assert document["runbook"] == "docs/runbooks/drift-but-no-retraining.md"
    console = Console(width=200)
    with console.capture() as capture:
        console.print(drift_table(found))
    lines = [line.split() for line in capture.get().splitlines()]
    assert lines[1] == f"loans concept confirmed {NOW:%Y-%m-%d %H:%M} 500 scan 0.16 0.31 +0.15".split()
    assert lines[2][:4] == ["loans", "missing", "amount", "suspected"]
