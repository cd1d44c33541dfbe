"""The load generator, a process of its own: connections that ask again as soon as they are answered, or at a rate.

`python -m bench.load` reads its orders as JSON from standard input and prints what it found as JSON.
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

SLOTS = 12  # digits in the body that number the request
SETTLE_S = 5.0  # for answers that are still on their way at the end


@dataclass(frozen=True)
class Orders:
    """Where to send what, for how long. The body's `MARK` is replaced by the number of the request.

    `rate` in requests a second; None: every connection asks again when it was answered.
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


MARK = "#" * SLOTS


@dataclass
class Found:
    """What came back after the warm-up: answers, those that were no success, the seconds looked at; milliseconds."""

    answers: int
    errors: int
    seconds: float
    p50: float
    p99: float
    cpu: float
    sent: int


@dataclass
class _Tally:
    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    counts: bool = False


class _Connection(asyncio.Protocol):
    def __init__(self, answered: Callable[[_Connection], None], tally: _Tally) -> None:
        self.asked = 0.0
        self._answered = answered
        self._tally = tally
        self._transport: Any = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def ask(self, request: bytes, due: float) -> None:
        self.asked = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now, status = time.perf_counter(), self._parser.get_status_code()
        if self._tally.counts:
            self._tally.latencies.append(now - self.asked)
            self._tally.errors += not 200 <= status < 300
        self._answered(self)

    def close(self) -> None:
        self._transport.close()


class _Load:
    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._before, self._after = _request_around(orders)
        self._tally = _Tally()
        self._idle: deque[_Connection] = deque()
        self._due: deque[float] = deque()
        self.sent = 0
        self._stopping = False
        self._quiet = asyncio.Event()

    async def run(self) -> Found:
        loop = asyncio.get_running_loop()
        connections = []
        for _ in range(self._orders.connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(self._answered, self._tally), "127.0.0.1", self._orders.port
            )
            connections.append(connection)
        found = await self._measured(connections)
        for connection in connections:
            connection.close()
        return found

    async def _measured(self, connections: list[_Connection]) -> Found:
        self._idle.extend(connections)
        pace = asyncio.create_task(self._pace()) if self._orders.rate else None
        if pace is None:
            while self._idle:
                self._ask(self._idle.popleft(), time.perf_counter())
        await asyncio.sleep(self._orders.warm_up)
        began, cpu = time.perf_counter(), time.process_time()
        self._tally.counts = True
        await asyncio.sleep(self._orders.seconds)
        self._tally.counts = False
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        self._stopping = True
        if pace is not None:
            pace.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), SETTLE_S)
        return _found(self._tally, seconds, cpu, self.sent)

    async def _pace(self) -> None:
        assert self._orders.rate is not None
        due = time.perf_counter()
        while True:
            due += 1 / self._orders.rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            if self._idle:
                self._ask(self._idle.popleft(), due)
            else:
                self._due.append(due)

    def _answered(self, connection: _Connection) -> None:
        if self._stopping:
            self._idle.append(connection)
            if len(self._idle) == self._orders.connections:
                self._quiet.set()
        elif self._orders.rate is None:
            self._ask(connection, time.perf_counter())
        elif self._due:
            self._ask(connection, self._due.popleft())
        else:
            self._idle.append(connection)

    def _ask(self, connection: _Connection, due: float) -> None:
        number = self._orders.first + self.sent
        self.sent += 1
        connection.ask(b"%b%012d%b" % (self._before, number, self._after), due)


def _request_around(orders: Orders) -> tuple[bytes, bytes]:
    """What stands before and after a request's number; where the body does not want it, a header takes it."""
    body = orders.body
    head = (
        f"POST {orders.path} HTTP/1.1\r\nHost: 127.0.0.1:{orders.port}\r\n"
        f"Content-Type: {orders.content_type}\r\nContent-Length: {len(body.encode())}\r\n"
    )
    if MARK not in body:
        head += f"X-Request-Number: {MARK}\r\n"
    before, after = f"{head}\r\n{body}".split(MARK)
    return before.encode(), after.encode()


def _found(tally: _Tally, seconds: float, cpu: float, sent: int) -> Found:
    latencies = np.array(tally.latencies or [float("nan")]) * 1000
    p50, p99 = np.percentile(latencies, [50, 99]).tolist()
    return Found(len(tally.latencies), tally.errors, seconds, p50, p99, cpu, sent)


def main() -> None:
    """Do as ordered."""
    orders = Orders(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(_Load(orders).run())), sys.stdout)


if __name__ == "__main__":
    main()
