"""Answers over HTTP that are lost once all is done: of ingestion, and of the registry to a promotion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from penstock.console.local_ports import HOST
from tests.faults.live.case import Case
from tests.faults.live.proxy import FaultProxy, NetworkFault
from tests.faults.live.trial import Trial

BEFORE_S = 2.0
LOST_S = 12.0
EACH = 3
LOST = NetworkFault("blackhole", "answers")


@asynccontextmanager
async def _proxied(address: str) -> AsyncIterator[tuple[FaultProxy, str]]:
    """A proxy before an HTTP address, and its own."""
    port = urlsplit(address).port
    assert port is not None
    proxy = FaultProxy(port)
    try:
        yield proxy, f"http://{HOST}:{await proxy.start()}"
    finally:
        await proxy.close()


async def _of_ingestion(trial: Trial) -> None:
    await asyncio.sleep(BEFORE_S)
    address = trial.traffic.address
    async with _proxied(address) as (proxy, proxied):
        trial.traffic.address = proxied
        await proxy.set_fault(LOST)
        await asyncio.sleep(LOST_S)
        await proxy.set_fault(None)
        trial.traffic.address = address


async def _of_the_registry(trial: Trial) -> None:
    """The first answer to the promotion is lost."""
    address = trial.operator.address
    async with _proxied(address) as (proxy, proxied):
        trial.operator.address = proxied
        losing = asyncio.create_task(_lose(trial, proxy))
        await trial.operator.has_promoted.wait()
        await losing
        trial.operator.address = address


async def _lose(trial: Trial, proxy: FaultProxy) -> None:
    await trial.operator.promotes.wait()
    await proxy.set_fault(LOST)
    while not trial.operator.commands:  # noqa: ASYNC110 - it is polled
        await asyncio.sleep(0.1)
    await proxy.set_fault(None)


CASES = tuple(
    Case(f"answers of {hurt} lost", f"time {time + 1}", "real network", inflict, hurt, is_judged_by_time=False)
    for hurt, inflict in (("ingestion", _of_ingestion), ("registry", _of_the_registry))
    for time in range(EACH)
)
