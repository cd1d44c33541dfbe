"""A real broker without the services, for tests and measurements."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from penstock.console.broker.broker_probe import broker_answers
from penstock.console.broker.jar_pins import read_pins
from penstock.console.broker.jars import obtain_jars
from penstock.console.broker.java import find_java
from penstock.console.broker.kafka import Broker
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home, prepare
from penstock.console.local_ports import free_ports
from penstock.console.poll import poll

READY_WITHIN_S = 180.0
STOP_WITHIN_S = 15.0
POLL_S = 0.1


@dataclass(frozen=True)
class BrokerProcess:
    """A broker that was started here: `bootstrap` is its address, `process` may be killed or paused by tests."""

    bootstrap: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Terminate it, and kill it if it does not end within 15 s."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_broker(home: Path, port: int | None = None) -> Iterator[str]:
    """The bootstrap address of a real broker with its files in `home`, which runs for the length of the block.

    A second block on the same `home` has the records of the first. The archives come from the user's cache, or are
    downloaded the first time.

    Raises:
        ConsoleFailure: the broker cannot be obtained or does not answer within three minutes.
    """
    broker = start_broker(home, port)
    try:
        yield broker.bootstrap
    finally:
        broker.stop()


def start_broker(home: Path, port: int | None = None) -> BrokerProcess:
    """Start a broker with its files in `home`, on `port` or a free one, and wait until it answers.

    Raises:
        ConsoleFailure: the broker cannot be obtained or does not answer within three minutes.
    """
    layout = Home(home.absolute())
    prepare(layout)
    free_port, controller_port = free_ports(2)
    node = Broker(find_java(), tuple(obtain_jars(read_pins("kafka"))), layout, port or free_port, controller_port)
    node.set_up()
    log_file = layout.log_file("broker")
    with log_file.open("ab") as output:
        plan = node.plan()
        process = subprocess.Popen(
            plan.command,
            cwd=plan.folder,
            env={**os.environ, **plan.environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    broker = BrokerProcess(node.bootstrap, process)
    try:
        # In a thread of its own, so that it works where an event loop is already running.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, _await_answer(broker, log_file)).result()
    except BaseException:
        broker.stop()
        raise
    return broker


async def _await_answer(broker: BrokerProcess, log_file: Path) -> None:
    async def answers() -> bool | None:
        """Whether it answers: False once it has ended, None to ask again."""
        if broker.process.poll() is not None:
            return False
        return await broker_answers(broker.bootstrap) or None

    with suppress(TimeoutError):
        async with asyncio.timeout(READY_WITHIN_S):
            if await poll(answers, POLL_S):
                return
    raise ConsoleFailure(f"The broker did not answer at {broker.bootstrap}; see {log_file}.")
