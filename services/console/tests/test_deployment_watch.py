"""What the supervisor tells of: a process that ends again and again, a disk that fills up; each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics
from penstock.console.supervision import deployment_watch
from penstock.console.supervision.deployment_watch import GIB, CrashLoops, DeploymentWatch, DiskLevel, disk_level
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import ALERTS
from penstock.runtime.supervision.process_health import ProcessState

READY, FAILING, STARTING = ProcessState.READY, ProcessState.FAILING, ProcessState.STARTING


def test_a_crash_loop_is_one_until_the_process_has_been_ready_for_a_minute() -> None:
    loops = CrashLoops()
    states = [
        (READY, 0),
        (STARTING, 5),
        (FAILING, 10),
        (READY, 20),
        (FAILING, 40),
        (READY, 50),
        (READY, 109),
        (READY, 110),
    ]
    changes = [(second, loops.after({"server": state}, second)) for state, second in states]
    assert [(second, change["server"]) for second, change in changes if change] == [(10, "firing"), (110, "resolved")]


def test_a_disk_that_hovers_about_a_bound_changes_its_level_once() -> None:
    level: DiskLevel = "ample"
    levels = []
    for free in (50, 10.1, 9.9, 10.1, 9.9, 14.9, 2.1, 1.9, 2.1, 1.9, 14, 15.1):
        level = disk_level(level, int(free * GIB), 200 * GIB)
        levels.append(level)
    assert levels == ["ample"] * 2 + ["low"] * 5 + ["short"] * 4 + ["ample"]


def test_on_a_small_disk_shares_count() -> None:
    assert disk_level("ample", 2 * GIB, 10 * GIB) == "ample"
    assert disk_level("ample", int(0.2 * GIB), 10 * GIB) == "short"


async def test_alerts_wait_for_a_broker_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, state = MemoryLog(), {"server": FAILING}
    await log.create(control_topics("test"))
    alerts = AlertWriter(Publisher(log, "test", Streams()))
    watch = DeploymentWatch(tmp_path, lambda: state, alerts)
    monkeypatch.setattr(deployment_watch, "disk_level", lambda *_: "short")
    log.away = True
    watch.look()
    log.away = False
    watch.look()
    await alerts.close()
    records: list[Alert] = ALERTS.decoder(None)(log.records_of((ALERTS.name("test"), 0)))
    assert [(alert.kind, alert.severity, alert.key) for alert in records] == [
        ("crash-loop", "critical", "crash-loop/-/server"),
        ("disk", "critical", f"disk/-/{tmp_path}"),
    ]
    assert records[0].message == "server ends again and again"
