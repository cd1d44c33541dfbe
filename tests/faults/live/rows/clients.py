"""Clients that take connections and do little with them, or send more than is taken."""

from __future__ import annotations

import asyncio
import resource
from contextlib import AsyncExitStack
from random import Random
from urllib.parse import urlsplit

from penstock.console.local_ports import HOST
from tests.faults.live.case import Case
from tests.faults.live.trial import Trial

BEFORE_S = 2.0
IDLE = 2000
SLOW = 200
HELD_S = 20.0
DRIP_S = 1.0  # between two bytes of a slow client
OVERLOAD_S = 60.0
OVERLOADING = 200  # clients that send the next event as soon as the last one is answered
LARGEST_GROWTH = 256 << 20  # bytes of memory


class MemoryGrew(Exception):
    """Ingestion took more memory than whatever clients do may cost."""


async def _idle(trial: Trial) -> None:
    """2,000 connections that say nothing."""
    await asyncio.sleep(BEFORE_S)
    async with AsyncExitStack() as stack:
        _allow_descriptors()
        for _ in range(IDLE):
            _, writer = await _connect(trial)
            stack.callback(writer.close)
        await asyncio.sleep(HELD_S)


async def _slow(trial: Trial) -> None:
    """200 connections that send a request byte by byte."""
    await asyncio.sleep(BEFORE_S)

    async def drip() -> None:
        _, writer = await _connect(trial)
        writer.write(b"POST /v1/streams/asked/events HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(DRIP_S)
        except OSError:
            return
        finally:
            writer.close()

    tasks = [asyncio.create_task(drip()) for _ in range(SLOW)]
    await asyncio.sleep(HELD_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _overload(trial: Trial) -> None:
    """Many clients without a pause, for a minute."""
    ingestion = trial.site.stage.process("ingestion")
    before = ingestion.memory_info().rss
    until = asyncio.get_running_loop().time() + OVERLOAD_S
    producer = trial.traffic.producer

    async def send(chance: Random) -> None:
        while asyncio.get_running_loop().time() < until:
            await producer.send_new(producer.new_event(chance))

    await asyncio.gather(*(send(Random(number)) for number in range(OVERLOADING)))
    if (grown := ingestion.memory_info().rss - before) > LARGEST_GROWTH:
        raise MemoryGrew(f"by {grown >> 20} MiB")


async def _connect(trial: Trial) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, urlsplit(trial.site.ingestion).port)


def _allow_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


CASES = (
    Case(f"{IDLE:,} idle connections", "ingestion", "real processes", _idle, "ingestion", is_judged_by_time=False),
    Case(f"{SLOW} slow clients", "ingestion", "real processes", _slow, "ingestion", is_judged_by_time=False),
    Case(
        f"{OVERLOADING} clients without a pause, {OVERLOAD_S:g} s",
        "ingestion",
        "real processes",
        _overload,
        "ingestion",
        is_judged_by_time=False,
        trains=False,
        is_alone=True,
    ),
)
