"""How many requests per second an HTTP server answers: 32 connections, one worker each, one event per request.

All servers run at the same time, and one gets the load at a time. Before that, each must answer with the model's score.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.cells.drain_cells import PARTITIONS
from bench.cells.http_cells import HTTP, CellUnavailable, HttpCell, ServerSpec
from bench.instruments.load_generator import NUMBER_PLACEHOLDER, LoadResult, LoadSettings, run_load_generator
from bench.instruments.processes import BenchProcess, MeasurementError, check_alive, is_ready, start_process
from bench.peer_environments import EnvironmentMissing
from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from bench.testbed import Testbed

READY_WITHIN_S = 90.0
POLL_INTERVAL_S = 0.2
LOG_POLLS = 25  # until every answered event must be on the log
LOAD_SHARE = 0.8  # of a server's throughput, at which its latency is measured
TOLERANCE = 1e-6  # some answer with 32-bit floats
NUMBER_STRIDE = 10_000_000  # between the numbers of two measurements' first requests
CONNECTIONS = 32


@dataclass(frozen=True)
class RunningServer:
    """The server of a cell, and its processes."""

    cell: HttpCell
    spec: ServerSpec
    processes: Sequence[BenchProcess]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.spec.port}"


async def measure(testbed: Testbed, names: Sequence[str] | None = None) -> list[Result]:
    """Start every server, check its answer, and load them in turn, repetition by repetition."""
    cells = [cell for cell in HTTP if names is None or cell.name in names]
    loads: dict[str, dict[int, LoadResult]] = {cell.name: {} for cell in cells}
    with ExitStack() as stack:
        servers = await start_servers(testbed, cells, stack)
        for repetition in range(testbed.repetitions):
            for server in servers:
                load = await measure_load(testbed, server, repetition)
                if load is not None:
                    loads[server.cell.name][repetition] = load
                    _print_load(server, load)
        for server in servers:
            await _check_log(testbed, server, loads[server.cell.name])
        latencies = {}
        if not testbed.quick:
            for server in servers:
                latencies[server.cell.name] = await _latency_at_rate(testbed, server, loads[server.cell.name])
    return _results(loads) + [summarize("http-p99-at-80", name, "ms", figures) for name, figures in latencies.items()]


async def start_servers(testbed: Testbed, cells: Sequence[HttpCell], stack: ExitStack) -> list[RunningServer]:
    """The servers that answer with the right score; the stack stops them all."""
    servers = [server for cell in cells if (server := await _start(testbed, cell, stack)) is not None]
    return [server for server in servers if await _answers_rightly(testbed, server)]


async def measure_load(
    testbed: Testbed, server: RunningServer, repetition: int, connections: int = CONNECTIONS, rate: float | None = None
) -> LoadResult | None:
    """Load the server; None when requests fail. Without a `rate` a connection is never idle."""
    spec = server.spec
    settings = LoadSettings(
        port=spec.port,
        path=spec.path,
        body=spec.body(testbed),
        seconds=1.5 if testbed.quick else 5.0,
        connections=connections,
        rate=rate,
        first=(repetition + 1) * NUMBER_STRIDE,
        content_type=spec.content_type,
    )
    try:
        load = await run_load_generator(settings)
        check_alive(server.processes)
        if load.errors or not load.responses:
            raise MeasurementError(f"{load.errors} of {load.responses} requests failed")
    except MeasurementError as error:
        print_line(f"[red]{server.cell.name}: {error}[/red]")
        return None
    return load


async def _check_log(testbed: Testbed, server: RunningServer, loads: dict[int, LoadResult]) -> None:
    """Discard the figures of a server that answered events which are not on the log."""
    if server.spec.logged is None:
        return
    requests, logged = sum(load.sent for load in loads.values()), 0
    for _ in range(LOG_POLLS):
        logged = await testbed.broker.count([server.spec.logged], PARTITIONS)
        if logged >= requests:
            return
        await asyncio.sleep(POLL_INTERVAL_S)
    print_line(f"[red]{server.cell.name}: {requests} requests, but only {logged} events are on the log[/red]")
    loads.clear()


async def _latency_at_rate(testbed: Testbed, server: RunningServer, loads: Mapping[int, LoadResult]) -> list[float]:
    """The 99th percentile at 80 % of the server's median throughput, measured as often as that was."""
    latencies = []
    for repetition in loads:
        rate = LOAD_SHARE * median(load.per_second for load in loads.values())
        load = await measure_load(testbed, server, len(loads) + repetition, rate=rate)
        if load is not None:
            print_line(f"http {server.cell.name:<16} at {rate:>8,.0f} requests/s: p99 {load.p99:6.1f} ms")
            latencies.append(load.p99)
    return latencies


def _print_load(server: RunningServer, load: LoadResult) -> None:
    print_line(
        f"http {server.cell.name:<16} {load.per_second:>8,.0f} requests/s, p50 {load.p50:6.1f} ms, "
        f"p99 {load.p99:6.1f} ms  (load generator: {load.cpu / load.seconds:.0%} of a core)"
    )


def _results(loads: Mapping[str, Mapping[int, LoadResult]]) -> list[Result]:
    throughput = [
        summarize("http", name, "requests/s", [load.per_second for load in by_repetition.values()])
        for name, by_repetition in loads.items()
    ]
    latency = [
        summarize("http-p99", name, "ms", [load.p99 for load in by_repetition.values()])
        for name, by_repetition in loads.items()
    ]
    return throughput + latency


async def _start(testbed: Testbed, cell: HttpCell, stack: ExitStack) -> RunningServer | None:
    try:
        spec = await cell.prepare(testbed)
    except (CellUnavailable, EnvironmentMissing) as error:
        print_line(f"[yellow]{cell.name}: missing: {error}[/yellow]")
        return None
    processes = []
    for command in spec.commands:
        process = start_process(command, testbed.folder)
        stack.callback(process.stop)
        processes.append(process)
    return RunningServer(cell, spec, processes)


async def _answers_rightly(testbed: Testbed, server: RunningServer) -> bool:
    """Whether the server gets ready and answers with the model's score."""
    try:
        await _await_ready(server)
        body = server.spec.body(testbed).replace(NUMBER_PLACEHOLDER, f"{1:012d}")
        response = await asyncio.to_thread(_post, server, body)
        score, expected = server.spec.score(response), float(testbed.model().scores[0])
        if score is not None and abs(score - expected) > TOLERANCE:
            raise MeasurementError(f"it answers {score}, the model {expected}")
    except MeasurementError as error:
        print_line(f"[red]{server.cell.name}: {error}[/red]")
        return False
    print_line(f"{server.cell.name} answers")
    return True


async def _await_ready(server: RunningServer) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_WITHIN_S
    while not await asyncio.to_thread(is_ready, server.url + server.spec.ready_path):
        check_alive(server.processes)
        if loop.time() > deadline:
            log_tail = server.processes[0].log_tail()
            raise MeasurementError(f"it was not ready within {READY_WITHIN_S:g} s\n{log_tail}")
        await asyncio.sleep(POLL_INTERVAL_S)


def _post(server: RunningServer, body: str) -> Any:
    url = server.url + server.spec.path
    request = urllib.request.Request(url, body.encode(), {"Content-Type": server.spec.content_type})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())
    except OSError as error:
        raise MeasurementError(f"it does not answer {url}: {error}") from error
