"""Incidents of processes, the disk and the database."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

import psutil

from penstock.contracts.alert_kinds import AlertKind
from tests.incidents.incident import UP, Incident, Metric, is_down, rises
from tests.staging.stage import Stage

KILLED = "retrain-trigger"
DEATHS = 3  # in a row, from which on the supervisor calls it failing
MIB = 1 << 20
LEFT = 20 * MIB  # of the disk, at first


async def kill_when_there(stage: Stage, name: str, dead: int | None = None) -> int:
    """Kill a process as soon as there is another than the dead one; its id."""
    while True:
        identity = stage.deployment.processes[name].process
        process = identity and identity.find()
        if process is not None and process.pid != dead:
            with suppress(psutil.NoSuchProcess):
                process.kill()
            return int(process.pid)
        await asyncio.sleep(0.1)


@asynccontextmanager
async def killed_in_a_loop(stage: Stage) -> AsyncIterator[None]:
    """A service is killed as soon as it is back, three times."""
    dead = None
    for _ in range(DEATHS):
        dead = await kill_when_there(stage, KILLED, dead)
    yield


async def restart_killed(stage: Stage) -> None:
    """What the runbook says once the cause is mended."""
    await stage.repair("restart", KILLED)


@asynccontextmanager
async def broker_frozen(stage: Stage) -> AsyncIterator[None]:
    """The broker stands still; the runbook finds it so."""
    stage.process("broker").suspend()
    yield


@asynccontextmanager
async def broker_killed(stage: Stage) -> AsyncIterator[None]:
    """The broker is killed whenever it is back, as by a system that is short of memory."""
    dead = await kill_when_there(stage, "broker")

    async def kill_again() -> None:
        last = dead
        while True:
            last = await kill_when_there(stage, "broker", last)

    task = asyncio.create_task(kill_again())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def restart_broker(stage: Stage) -> None:
    """What the runbook says."""
    await stage.repair("restart", "broker")


@asynccontextmanager
async def disk_full(stage: Stage) -> AsyncIterator[None]:
    """A file of somebody else fills the disk of the home."""
    file = stage.home.root / "somebody-elses-file"
    try:
        with file.open("wb") as filling:
            os.posix_fallocate(filling.fileno(), 0, shutil.disk_usage(stage.home.root).free - LEFT)
        yield
    finally:
        file.unlink()


@asynccontextmanager
async def database_locked(stage: Stage) -> AsyncIterator[None]:
    """Another program holds the lock of the registry's database."""
    with closing(sqlite3.connect(stage.home.database, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


INCIDENTS = (
    Incident(
        name="service-killed",
        what=f"The {KILLED} is killed as soon as it is back",
        evidence="its third death",
        kind=AlertKind.CRASH_LOOP,
        about=KILLED,
        status=f"^{KILLED} is not ready",
        metric=Metric(KILLED, UP, is_down),
        staged=killed_in_a_loop,
        clear=restart_killed,
        runbook_says=f"`penstock restart {KILLED}`",
        note="over by design only once it has been ready for a minute",
    ),
    Incident(
        name="broker-frozen",
        what="The broker stands still (SIGSTOP)",
        evidence="the signal",
        kind=AlertKind.BROKER,
        about="",
        status="^broker is not ready",
        metric=Metric("notifier", "penstock_alerts_total", rises, {"kind": "broker", "state": "firing"}),
        staged=broker_frozen,
        clear=restart_broker,
        runbook_says="`penstock restart broker`",
    ),
    Incident(
        name="broker-killed",
        what="The broker is killed whenever it is back",
        evidence="its first death",
        kind=AlertKind.BROKER,
        about="",
        status="^broker is not ready",
        metric=Metric("notifier", "penstock_alerts_total", rises, {"kind": "broker", "state": "firing"}),
        staged=broker_killed,
        clear=restart_broker,
        runbook_says="stop what kills it; `penstock restart broker`",
    ),
    Incident(
        name="disk-full",
        what=f"A stranger's file leaves {LEFT // MIB} MiB of the home's disk, which has 1 GiB",
        evidence="the file",
        kind=AlertKind.DISK,
        about="",
        status="^the disk of .* is full",
        metric=Metric("registry", "penstock_disk_free_bytes", lambda _, now: now <= LEFT),
        staged=disk_full,
        runbook_says="make room",
    ),
    Incident(
        name="database-locked",
        what="Another program holds the write lock of the registry's database",
        evidence="the lock",
        kind=AlertKind.DATABASE,
        about="",
        status="^registry.*database|^control plane: database",
        metric=Metric("registry", "penstock_alerts_total", rises, {"kind": "database", "state": "firing"}),
        staged=database_locked,
        runbook_says="end the other program",
    ),
)
