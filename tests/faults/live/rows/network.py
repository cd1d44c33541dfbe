"""Faults of the network between one service and the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial

from tests.faults.life import POINTS
from tests.faults.live.case import Case
from tests.faults.live.proxy import Direction, Kind, NetworkFault
from tests.faults.live.trial import Trial

LASTS_S = 12.0  # longer than a session and than a request may take
BEFORE_S = 2.0
ONE_WAY: tuple[Kind, ...] = ("blackhole", "cut-mid-frame", "latency", "slow", "slicing")
BOTH_WAYS: tuple[Kind, ...] = ("cut", "reset")
DIRECTIONS: Mapping[Direction, str] = {"answers": "from broker", "requests": "to broker", "both": "both"}
"""Without its answers a request is carried out all the same: what is written stays, and nobody hears of it."""
ONE_DIRECTION: tuple[Direction, ...] = ("answers", "requests")


async def _fault(trial: Trial, service: str, fault: NetworkFault) -> None:
    await asyncio.sleep(BEFORE_S)
    await trial.site.network.set_fault(service, fault)
    try:
        await asyncio.sleep(LASTS_S)
    finally:
        await trial.site.network.set_fault(service, None)


def _cases() -> Iterator[Case]:
    faults = [NetworkFault(kind, direction) for kind in ONE_WAY for direction in ONE_DIRECTION]
    for fault in [*faults, *map(NetworkFault, BOTH_WAYS)]:
        for service in POINTS:
            inflict = partial(_fault, service=service, fault=fault)
            name = f"{service}, {DIRECTIONS[fault.direction]}"
            row = f"network: {fault.kind.replace('-', ' ')}, {LASTS_S:g} s"
            yield Case(row, name, "real network", inflict, service, is_judged_by_time=False, asks=service == "server")


CASES = tuple(_cases())
