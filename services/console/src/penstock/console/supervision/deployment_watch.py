"""What the supervisor alone sees of a deployment: a process that ends again and again, and a disk that fills up."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.errors import suppress_transient
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.publisher import Publisher
from penstock.contracts.alert_kinds import AlertKind, alert_key
from penstock.contracts.ids import derived_id
from penstock.contracts.records.monitoring import Alert, AlertState
from penstock.contracts.records.streams import Streams
from penstock.runtime.supervision.process_health import ProcessState
from penstock.runtime.supervision.restart_policy import STEADY_AFTER_S

SOURCE: Final = "penstock/supervisor"
EVERY_S = 5.0
GIB = 2**30
LOW_SHARE, LOW_BYTES = 0.1, 10 * GIB  # less of the disk than both is low
SHORT_SHARE, SHORT_BYTES = 0.03, 2 * GIB  # and less than both of these is short
MARGIN = 1.5  # times as much must be free until it is ample again

DiskLevel = Literal["ample", "low", "short"]


class CrashLoops:
    """The processes that end again and again: told once, and once when one has been ready for a minute."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._ready_since: dict[str, float] = {}

    def after(self, states: Mapping[str, ProcessState], now_s: float) -> dict[str, AlertState]:
        """What has changed with the states as they are at `now_s`, in seconds of one monotonic clock."""
        changes: dict[str, AlertState] = {}
        for name, state in states.items():
            if state is not ProcessState.READY:
                self._ready_since.pop(name, None)
            since = self._ready_since.setdefault(name, now_s) if state is ProcessState.READY else now_s
            if state is ProcessState.FAILING and name not in self._told:
                self._told.add(name)
                changes[name] = "firing"
            elif name in self._told and now_s - since >= STEADY_AFTER_S:
                self._told.discard(name)
                changes[name] = "resolved"
        return changes


def disk_level(before: DiskLevel, free: int, total: int) -> DiskLevel:
    """How much of a disk is free, in bytes; what was low or short is ample again once half as much more is free.

    >>> disk_level("ample", 9 * GIB, 100 * GIB), disk_level("low", 12 * GIB, 100 * GIB), disk_level("low", 1 * GIB, GIB)
    ('low', 'low', 'ample')
    """
    margin = 1.0 if before == "ample" else MARGIN
    if free < min(SHORT_SHARE * total, SHORT_BYTES):
        return "short"
    if free < margin * min(LOW_SHARE * total, LOW_BYTES):
        return "low" if before == "ample" else before
    return "ample"


class DeploymentWatch:
    """Looks at the processes and the disk, and writes alerts about them; those that it cannot write yet wait."""

    def __init__(self, folder: Path, states: Callable[[], Mapping[str, ProcessState]], alerts: AlertWriter) -> None:
        self._folder = folder
        self._states = states
        self._alerts = alerts
        self._loops = CrashLoops()
        self._level: DiskLevel = "ample"

    def look(self) -> None:
        """Look once."""
        for name, state in self._loops.after(self._states(), time.monotonic()).items():
            self._alerts.add(crash_loop_alert(name, state))
        usage = shutil.disk_usage(self._folder)
        level = disk_level(self._level, usage.free, usage.total)
        if level != self._level:
            self._level = level
            self._alerts.add(disk_alert(self._folder, level, usage.free))
        self._alerts.write_soon()


async def watch_deployment(
    folder: Path, states: Callable[[], Mapping[str, ProcessState]], bootstrap: str, namespace: str
) -> None:
    """Watch a deployment on a broker until cancelled."""
    kafka_log = KafkaLog(Connection(bootstrap), namespace, "supervisor")
    alerts = AlertWriter(Publisher(kafka_log, namespace, Streams()))
    watch = DeploymentWatch(folder, states, alerts)
    try:
        while True:
            watch.look()
            await asyncio.sleep(EVERY_S)
    finally:
        await alerts.close()
        await suppress_transient(kafka_log.close())


def crash_loop_alert(name: str, state: AlertState) -> Alert:
    """The alert that a process ends again and again, or has been ready for a minute."""
    now = datetime.now(UTC)
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "crash-loop", name, state, now.isoformat()),
        time=now,
        severity="critical" if state == "firing" else "info",
        subject="crash-loop",
        message=f"{name} ends again and again" if state == "firing" else f"{name} has been ready for a minute",
        kind=AlertKind.CRASH_LOOP,
        key=alert_key(AlertKind.CRASH_LOOP, None, name),
        state=state,
    )


def disk_alert(folder: Path, level: DiskLevel, free: int) -> Alert:
    """The alert that the disk of a folder has come to a level."""
    now = datetime.now(UTC)
    severities: dict[DiskLevel, Literal["info", "warning", "critical"]] = {
        "ample": "info",
        "low": "warning",
        "short": "critical",
    }
    return Alert(
        source=SOURCE,
        id=derived_id("alert", "disk", level, now.isoformat()),
        time=now,
        severity=severities[level],
        subject="disk",
        message=f"{free / GIB:.1f} GiB are free on the disk of {folder}",
        kind=AlertKind.DISK,
        key=alert_key(AlertKind.DISK, None, folder),
        state="resolved" if level == "ample" else "firing",
    )
