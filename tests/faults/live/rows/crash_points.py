"""Kills and stops at each named point of each service, and a second kill while it recovers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import zip_longest
from random import Random

from tests.faults.life import POINTS
from tests.faults.live.case import Case, Inflict
from tests.faults.live.trial import Trial

REACHED_LIMIT_S = 120.0  # a point of the trainer is reached with the first training
SECOND_LIMIT_S = 90.0
STOP_S = 15.0  # longer than a session
PAIRS = 32
PASSES = 3  # that a second kill may come later

UNTRAINED = ("ingestion", "validator", "drift-detector")  # they do the same whether or not a model is trained
BUSY = (*UNTRAINED, "server")  # they pass their points with every event

InflictAt = Callable[..., Awaitable[None]]
"""Has a fault in a `service` at a `point`."""


async def _kill(trial: Trial, service: str, point: str) -> None:
    trial.site.orders.give(service, point, signal.SIGKILL)
    await trial.site.orders.reached(service, REACHED_LIMIT_S)


async def _stop(trial: Trial, service: str, point: str) -> None:
    trial.site.orders.give(service, point, signal.SIGSTOP)
    process = await trial.site.orders.reached(service, REACHED_LIMIT_S)
    await asyncio.sleep(STOP_S)
    os.kill(process, signal.SIGCONT)


async def _kill_twice(trial: Trial, service: str, first: str, second: str, passes_before: int) -> None:
    await _kill(trial, service, first)
    trial.site.orders.give(service, second, signal.SIGKILL, passes_before)
    await trial.site.orders.reached(service, SECOND_LIMIT_S)


def _each(row: str, inflict: InflictAt) -> Iterator[Case]:
    """Service by service in turn: one that is killed within a minute is started again more slowly."""
    for points in zip_longest(*([(service, point) for point in points] for service, points in POINTS.items())):
        for service, point in filter(None, points):
            yield _case(row, f"{service}, {point}", service, partial(inflict, service=service, point=point))


def _case(row: str, name: str, service: str, inflict: Inflict) -> Case:
    return Case(
        row,
        name,
        "real processes",
        inflict,
        service,
        trains=service not in UNTRAINED,
        is_alone=True,
    )


def _pairs() -> Iterator[Case]:
    """What comes second must come in every recovery: those who work seldom surely commit again, and may do no more."""
    for seed in range(PAIRS):
        chance = Random(seed)
        service = list(POINTS)[seed % len(POINTS)]
        suffixes = ("-send", "-publish", "-write", "-commit") if service in BUSY else ("-commit",)
        again = [point for point in POINTS[service] if point.endswith(suffixes)]
        first = chance.choice([point for point in POINTS[service] if point != "after-commit"])
        second = chance.choice(again)
        inflict = partial(
            _kill_twice,
            service=service,
            first=first,
            second=second,
            passes_before=chance.randrange(PASSES) if service in BUSY else 0,
        )
        name = f"{service}, {first}, then {second} (seed {seed})"
        yield _case("a second kill during recovery", name, service, inflict)


CASES = (
    *_each("SIGKILL at a named point", _kill),
    *_each(f"SIGSTOP for {STOP_S:g} s at a named point", _stop),
    *_pairs(),
)
