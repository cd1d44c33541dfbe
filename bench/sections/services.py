"""How soon each service is ready after its start, and how much memory it then has; one service after the other."""

from __future__ import annotations

import asyncio
import time

from bench.cells.drain_cells import PARTITIONS
from bench.cells.penstock_deployment import Deployment, deploy
from bench.instruments.drain_meter import DrainMeter
from bench.instruments.processes import Command, MeasurementError, check_alive, is_ready, running_processes
from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from bench.testbed import Testbed
from penstock.console.plan.service_plans import SERVICES

POLL_INTERVAL_S = 0.02
READY_WITHIN_S = 120.0
SETTLED_AFTER_S = 2.0
SCORER = "server (a stream child)"
FIRST_EVENTS = 100


async def measure(testbed: Testbed) -> list[Result]:
    """Start every service, and a stream child, whose time is that of its first prediction."""
    start_times: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    for repetition in range(testbed.repetitions):
        label = f"bench-start-{repetition}"
        deployment = await deploy(testbed.broker, testbed.folder, label, testbed.declaration, testbed.model())
        for name in SERVICES:
            seconds, memory_bytes = await _start_service(testbed, deployment, deployment.service(name))
            start_times.setdefault(name, []).append(seconds)
            memory.setdefault(name, []).append(memory_bytes / 1e6)
            print_line(f"services {name:<16} ready after {seconds:5.2f} s, holds {memory_bytes / 1e6:6.0f} MB")
        start_times.setdefault(SCORER, []).append(await _seconds_to_first_prediction(testbed, deployment))
        await testbed.broker.drop(deployment.topics)
    return [
        *(summarize("cold-start", name, "s", figures) for name, figures in start_times.items()),
        *(summarize("memory", name, "MB", figures) for name, figures in memory.items()),
    ]


async def _start_service(testbed: Testbed, deployment: Deployment, command: Command) -> tuple[float, int]:
    """Seconds until the service is ready, and the bytes that it and its children then hold in memory."""
    url, start = f"{deployment.url(command.name)}/readyz", time.perf_counter()
    with running_processes([command], testbed.folder) as (process,):
        while not await asyncio.to_thread(is_ready, url):
            check_alive([process])
            if time.perf_counter() - start > READY_WITHIN_S:
                log_tail = process.log_tail()
                raise MeasurementError(f"{command.name} was not ready within {READY_WITHIN_S:g} s\n{log_tail}")
            await asyncio.sleep(POLL_INTERVAL_S)
        seconds = time.perf_counter() - start
        await asyncio.sleep(SETTLED_AFTER_S)
        return seconds, process.memory_bytes()


async def _seconds_to_first_prediction(testbed: Testbed, deployment: Deployment) -> float:
    count = await testbed.broker.count([deployment.predictions], PARTITIONS)
    await testbed.broker.fill(deployment.events, PARTITIONS, testbed.events.encoded(FIRST_EVENTS))
    start = time.perf_counter()
    with running_processes(deployment.scorers(), testbed.folder) as processes:
        meter = DrainMeter(testbed.broker, [deployment.predictions], PARTITIONS, processes)
        end, _ = await meter.await_count(count + 1)
    return end - start
