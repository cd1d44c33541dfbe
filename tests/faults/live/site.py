"""A deployment of real processes on a real broker, in a home of its own, that faults are tried on."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from penstock.console.home import Home, prepare
from penstock.console.plan.plan_builder import StartOptions, make_plan
from penstock.console.supervision.home_lock import take_lock
from penstock.console.supervision.launch import launch_supervisor
from penstock.console.supervision.lifecycle import await_ready, stop_ignoring_signals
from tests.faults.life import POINTS
from tests.faults.live.crash_orders import CrashOrders
from tests.faults.live.links import Link, Network, lead_through, plan_links, proxies_of
from tests.staging.ports import free_ports
from tests.staging.stage import Stage

ABOVE_USUAL = 13_000  # so that a deployment of somebody else on this machine has its ports for itself
BETWEEN_PLACES = 500  # ports
SCORERS = 2  # so that a partition has somewhere to go
DISK = "512m"
WITH_HOOKS = re.compile(r" -m penstock\.(?!server$|server\.http|.*child_main)")  # the processes that have them
STACKS_S = 2.0  # for processes to write what their tasks wait for

Disks = Callable[[Home], Sequence[Path]]


def no_disks(_: Home) -> Sequence[Path]:
    """All on one disk."""
    return ()


@dataclass(frozen=True)
class Site:
    """The deployment with the addresses of what clients talk to; its network, and the crash points of its processes."""

    stage: Stage
    network: Network
    orders: CrashOrders
    ingestion: str
    registry: str
    server: str


@asynccontextmanager
async def site_in(folder: Path, place: int, small_disks: Disks = no_disks) -> AsyncIterator[Site]:
    """A deployment for the length of the block; `small_disks` says which folders of its home are disks of their own.

    Deployments that run at the same time have other places, so that they choose other ports.

    Raises:
        CalledProcessError: a disk cannot be mounted.
        ConsoleFailure: it cannot be brought up.
    """
    home, orders, links = Home(folder / "home"), CrashOrders(folder / "orders"), plan_links(place)
    os.environ.update(orders.environment())  # its processes inherit it
    with proxies_of(links) as network, _mounted(small_disks(home)), _running(home, links, place):
        async with httpx.AsyncClient(timeout=15, trust_env=False) as client:
            stage = Stage(home, client)
            urls = (stage.deployment.url(name) for name in ("ingestion", "registry", "server"))
            yield Site(stage, network, orders, *urls)


async def write_task_stacks(site: Site) -> None:
    """Have each process of a service write what its tasks wait for beside its logs."""
    for service in POINTS:
        with suppress(AssertionError, psutil.Error):  # it has ended
            process = site.stage.process(service)
            for member in [process, *process.children()]:
                if WITH_HOOKS.search(" ".join(member.cmdline())):
                    member.send_signal(signal.SIGUSR2)
    await asyncio.sleep(STACKS_S)
    for file in site.orders.folder.glob("*.tasks"):
        shutil.copy(file, site.stage.home.logs)


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=False)


@contextmanager
def _mounted(folders: Sequence[Path]) -> Iterator[None]:
    with ExitStack() as stack:
        for folder in folders:
            folder.mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "penstock-faults", folder], check=True)
            stack.callback(_unmount, folder)
        yield


@contextmanager
def _running(home: Home, links: dict[str, Link], place: int) -> Iterator[None]:
    """As the console starts a deployment, but with its links."""
    prepare(home)
    lock = take_lock(home)
    if lock is None:
        raise RuntimeError(f"another process uses {home.root}")
    try:
        ports = free_ports(ABOVE_USUAL + place * BETWEEN_PLACES)
        plan = make_plan(home, StartOptions(workers=SCORERS, ports=ports, environment=dict(os.environ)))
        lead_through(links, plan, home).write(home)
        launch_supervisor(home, lock, ends_with_caller=True)
    finally:
        os.close(lock)
    try:
        await_ready(home)
        yield
    finally:
        stop_ignoring_signals(home)
