"""How soon each service works after its start, and how much memory it then holds; the services one after the other."""

from __future__ import annotations

import asyncio
import time
import urllib.request

from bench.cells import PARTITIONS
from bench.clock import Clock
from bench.lab import Lab
from bench.processes import Command, Failed, check_alive, running
from bench.results import Result, result
from bench.shipped import Deployment, deploy
from bench.terminal import say
from penstock.console.plan.service_plans import SERVICES

LOOK_EVERY_S = 0.02
READY_WITHIN_S = 120.0
SETTLED_AFTER_S = 2.0
SCORER = "server (a stream child)"
FIRST_EVENTS = 100


async def measure(lab: Lab) -> list[Result]:
    """Every service, and how long the scorer takes from its start to its first prediction."""
    starts: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    for repetition in range(lab.repetitions):
        deployed = await deploy(lab.broker, lab.folder, f"bench-start-{repetition}", lab.declaration, lab.trained())
        for name in SERVICES:
            seconds, held = await _started(lab, deployed, deployed.service(name))
            starts.setdefault(name, []).append(seconds)
            memory.setdefault(name, []).append(held / 1e6)
            say(f"services {name:<16} ready after {seconds:5.2f} s, holds {held / 1e6:6.0f} MB")
        starts.setdefault(SCORER, []).append(await _first_prediction(lab, deployed))
        await lab.broker.drop(deployed.topics)
    return [
        *(result("cold-start", name, "s", figures) for name, figures in starts.items()),
        *(result("memory", name, "MB", figures) for name, figures in memory.items()),
    ]


async def _started(lab: Lab, deployed: Deployment, command: Command) -> tuple[float, int]:
    """Seconds until the service said that it is ready, and the bytes that it and its children hold then."""
    address, began = f"{deployed.url(command.name)}/readyz", time.perf_counter()
    with running([command], lab.folder) as (process,):
        while not await asyncio.to_thread(_answers, address):
            check_alive([process])
            if time.perf_counter() - began > READY_WITHIN_S:
                raise Failed(f"{command.name} was not ready within {READY_WITHIN_S:g} s\n{process.tail()}")
            await asyncio.sleep(LOOK_EVERY_S)
        seconds = time.perf_counter() - began
        await asyncio.sleep(SETTLED_AFTER_S)
        return seconds, process.memory()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


async def _first_prediction(lab: Lab, deployed: Deployment) -> float:
    before = await lab.broker.count([deployed.predictions], PARTITIONS)
    await lab.broker.fill(deployed.events, PARTITIONS, lab.events.encoded(FIRST_EVENTS))
    began = time.perf_counter()
    with running(deployed.scorers(), lab.folder) as processes:
        ended, _ = await Clock(lab.broker, [deployed.predictions], PARTITIONS, processes).until(before + 1)
    return ended - began
