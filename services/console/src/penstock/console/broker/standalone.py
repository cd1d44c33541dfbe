"""A real broker by itself, for tests and measurements."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penstock.console.broker.jars import obtain, pins
from penstock.console.broker.java import find_java
from penstock.console.broker.kafka import Broker
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home, prepare
from penstock.console.plan.ports import free_ports
from penstock.console.supervision.health_probe import broker_answers

READY_WITHIN_S = 180.0
STOP_WITHIN_S = 15.0
LOOK_EVERY_S = 0.1


@contextmanager
def running_broker(home: Path, port: int | None = None) -> Iterator[str]:
    """A real broker with its files in `home`, running for the length of the block; gives its bootstrap address.

    A second block on the same `home` finds what the first one left. The archives come from the user's
    cache, or are downloaded the first time.

    Raises:
        ConsoleFailure: the broker cannot be obtained or does not answer within three minutes.
    """
    node = launch(home, port)
    try:
        yield node.bootstrap
    finally:
        node.stop()


@dataclass(frozen=True)
class RunningBroker:
    """A broker that was launched here: clients use `bootstrap`; `process` is there to be killed or paused."""

    bootstrap: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it in order, or after 15 s by force."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def launch(home: Path, port: int | None = None) -> RunningBroker:
    """Start a broker with its files in `home`, on `port` or a free one, and wait until it answers.

    Raises:
        ConsoleFailure: the broker cannot be obtained or does not answer within three minutes.
    """
    layout = Home(home.absolute())
    prepare(layout)
    chosen, controller = free_ports(2)
    node = Broker(find_java(), tuple(obtain(pins("kafka"))), layout, port or chosen, controller)
    node.set_up()
    with layout.log("broker").open("ab") as log:
        process = subprocess.Popen(node.command(), stdout=log, stderr=log, start_new_session=True)
    running = RunningBroker(node.bootstrap, process)
    try:
        # In a thread of its own, so that it works where an event loop is already running.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, _await_answer(running, layout.log("broker"))).result()
    except BaseException:
        running.stop()
        raise
    return running


async def _await_answer(running: RunningBroker, log: Path) -> None:
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while running.process.poll() is None:
                if await broker_answers(running.bootstrap):
                    return
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        pass
    raise ConsoleFailure(f"The broker did not answer at {running.bootstrap}; see {log}.")
