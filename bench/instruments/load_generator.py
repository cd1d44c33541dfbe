"""An HTTP load generator: connections that send again as soon as they have a response, or at a given rate.

`python -m bench.instruments.load_generator` reads `LoadSettings` as JSON from standard input and prints a `LoadResult`
as JSON. It is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import httptools
import numpy as np
import uvloop

from bench.instruments.processes import run_module

NUMBER_DIGITS = 12  # of a request's number in its body
NUMBER_PLACEHOLDER = "#" * NUMBER_DIGITS
SETTLE_S = 5.0  # for responses that are still on their way at the end


@dataclass(frozen=True)
class LoadSettings:
    """What to send where, for how long. `NUMBER_PLACEHOLDER` in the body is replaced by the number of the request.

    `rate` in requests per second; None: every connection sends again as soon as it has a response.
    """

    port: int
    path: str
    body: str
    seconds: float
    warm_up: float = 0.5
    connections: int = 32
    rate: float | None = None
    first: int = 0
    content_type: str = "application/json"


@dataclass
class LoadResult:
    """Responses after the warm-up, how many were no success, the seconds measured; latencies in milliseconds.

    `cpu`: CPU seconds that the load generator used; `sent`: requests, those of the warm-up included.
    """

    responses: int
    errors: int
    seconds: float
    p50: float
    p99: float
    cpu: float
    sent: int

    @property
    def per_second(self) -> float:
        """Responses per second."""
        return self.responses / self.seconds


async def run_load_generator(settings: LoadSettings) -> LoadResult:
    """Generate the load from a process of its own.

    Raises:
        MeasurementError: the process failed.
    """
    return LoadResult(**json.loads(await run_module("bench.instruments.load_generator", asdict(settings))))


@dataclass
class _Measurements:
    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    active: bool = False


class _Connection(asyncio.Protocol):
    def __init__(self, on_response: Callable[[_Connection], None], measurements: _Measurements) -> None:
        self._due = 0.0
        self._on_response = on_response
        self._measurements = measurements
        self._transport: Any = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now, status = time.perf_counter(), self._parser.get_status_code()
        if self._measurements.active:
            self._measurements.latencies.append(now - self._due)
            self._measurements.errors += not 200 <= status < 300
        self._on_response(self)

    def close(self) -> None:
        self._transport.close()


class _LoadGenerator:
    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self._before_number, self._after_number = _request_parts(settings)
        self._measurements = _Measurements()
        self._idle: deque[_Connection] = deque()
        self._overdue: deque[float] = deque()
        self._sent = 0
        self._stopping = False
        self._all_idle = asyncio.Event()

    async def run(self) -> LoadResult:
        loop = asyncio.get_running_loop()
        connections = []
        for _ in range(self._settings.connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(self._on_response, self._measurements), "127.0.0.1", self._settings.port
            )
            connections.append(connection)
        result = await self._measure(connections)
        for connection in connections:
            connection.close()
        return result

    async def _measure(self, connections: list[_Connection]) -> LoadResult:
        self._idle.extend(connections)
        sender = asyncio.create_task(self._send_at_rate(self._settings.rate)) if self._settings.rate else None
        if sender is None:
            while self._idle:
                self._send(self._idle.popleft(), time.perf_counter())
        await asyncio.sleep(self._settings.warm_up)
        start, cpu_at_start = time.perf_counter(), time.process_time()
        self._measurements.active = True
        await asyncio.sleep(self._settings.seconds)
        self._measurements.active = False
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_at_start
        self._stopping = True
        if sender is not None:
            sender.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self._all_idle.wait()
        return _summarize(self._measurements, seconds, cpu, self._sent)

    async def _send_at_rate(self, rate: float) -> None:
        due = time.perf_counter()
        while True:
            due += 1 / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            if self._idle:
                self._send(self._idle.popleft(), due)
            else:
                self._overdue.append(due)

    def _on_response(self, connection: _Connection) -> None:
        if self._stopping:
            self._idle.append(connection)
            if len(self._idle) == self._settings.connections:
                self._all_idle.set()
        elif self._settings.rate is None:
            self._send(connection, time.perf_counter())
        elif self._overdue:
            self._send(connection, self._overdue.popleft())
        else:
            self._idle.append(connection)

    def _send(self, connection: _Connection, due: float) -> None:
        number = self._settings.first + self._sent
        self._sent += 1
        connection.send(b"%b%012d%b" % (self._before_number, number, self._after_number), due)


def _request_parts(settings: LoadSettings) -> tuple[bytes, bytes]:
    """The request before and after its number, which stands in a header if the body has no placeholder."""
    body = settings.body
    head = (
        f"POST {settings.path} HTTP/1.1\r\nHost: 127.0.0.1:{settings.port}\r\n"
        f"Content-Type: {settings.content_type}\r\nContent-Length: {len(body.encode())}\r\n"
    )
    if NUMBER_PLACEHOLDER not in body:
        head += f"X-Request-Number: {NUMBER_PLACEHOLDER}\r\n"
    before, after = f"{head}\r\n{body}".split(NUMBER_PLACEHOLDER)
    return before.encode(), after.encode()


def _summarize(measurements: _Measurements, seconds: float, cpu: float, sent: int) -> LoadResult:
    latencies = np.array(measurements.latencies or [float("nan")]) * 1000
    p50, p99 = np.percentile(latencies, [50, 99]).tolist()
    return LoadResult(len(measurements.latencies), measurements.errors, seconds, p50, p99, cpu, sent)


def main() -> None:
    """Generate the load that the settings on standard input describe."""
    settings = LoadSettings(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(_LoadGenerator(settings).run())), sys.stdout)


if __name__ == "__main__":
    main()
