"""Faults of the broker as a process, and of members of its groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from random import Random

import psutil

from tests.faults.live.case import Case
from tests.faults.live.recovery import until_broker_answers
from tests.faults.live.trial import Trial

TIMES = 3  # that restart and kill are tried
SILENCES_S = (5, 30, 90)
BEFORE_S = 3.0  # of traffic before a fault
ZOMBIES = 10
SILENT_S = (12.0, 22.0)  # longer than a session, shorter than the silence after which a supervisor ends a process
STORMS = 3
KILLS = 10
KILL_EVERY_S = (0.5, 4.0)


async def _restart(trial: Trial) -> None:
    await asyncio.sleep(BEFORE_S)
    await trial.site.stage.repair("restart", "broker")
    await until_broker_answers(trial.site)


async def _kill(trial: Trial) -> None:
    await asyncio.sleep(BEFORE_S)
    broker = trial.site.stage.process("broker")
    broker.kill()
    await asyncio.to_thread(broker.wait, 10)
    await until_broker_answers(trial.site)


async def _stop(trial: Trial, seconds: float) -> None:
    """A broker that is silent for half a minute is ended by its supervisor, and started again."""
    await asyncio.sleep(BEFORE_S)
    broker = trial.site.stage.process("broker")
    broker.suspend()
    await asyncio.sleep(seconds)
    with suppress(psutil.NoSuchProcess):
        broker.resume()
    await until_broker_answers(trial.site)


def _scorers(trial: Trial) -> list[psutil.Process]:
    children = trial.site.stage.process("server").children()
    return [child for child in children if "penstock.server.stream" in child.cmdline()]


async def _zombie(trial: Trial) -> None:
    """A scorer is silent while the other takes over its partition; then it goes on where it was."""
    chance = Random(trial.seed)
    await asyncio.sleep(BEFORE_S + chance.random())
    scorer = chance.choice(_scorers(trial))
    scorer.suspend()
    await asyncio.sleep(chance.uniform(*SILENT_S))
    scorer.resume()


async def _storm(trial: Trial) -> None:
    """Scorers are killed again and again, each time another."""
    chance = Random(trial.seed)
    await asyncio.sleep(BEFORE_S)
    for _ in range(KILLS):
        if scorers := _scorers(trial):
            with suppress(psutil.NoSuchProcess):
                chance.choice(scorers).kill()
        await asyncio.sleep(chance.uniform(*KILL_EVERY_S))


def _cases() -> Iterator[Case]:
    for time in range(TIMES):
        yield Case("broker is killed (SIGKILL)", f"time {time + 1}", "real broker", _kill, "broker", is_alone=True)
        yield Case("broker is restarted", f"time {time + 1}", "real broker", _restart, "broker", is_alone=True)
    for seconds in SILENCES_S:
        inflict = partial(_stop, seconds=seconds)
        yield Case("broker is silent (SIGSTOP)", f"{seconds} s", "real broker", inflict, "broker", is_alone=True)
    for seed in range(ZOMBIES):
        name = "a scorer silent past its session, then resumed"
        yield Case(name, f"seed {seed}", "real broker", _zombie, "server", is_judged_by_time=False)
    for seed in range(STORMS):
        name = f"rebalance storm: {KILLS} kills among two scorers"
        yield Case(name, f"seed {seed}", "real broker", _storm, "server", is_judged_by_time=False, pause_s=0.05)


CASES = tuple(_cases())
