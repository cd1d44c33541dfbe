"""The named crash points in a real process: where an order says so, the process signals itself.

An order is a file `<service>.json` with the point, the signal, and how often the point is passed before. Whoever comes
to the point first takes it, by renaming it to `<service>.reached`, which then holds the id of its process.
"""

# ruff: noqa: PLC0415 (a service imports no more than it would)
from __future__ import annotations

import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

ALERTS = ".alerts"


class Orders:
    """The orders for one service, looked for at each point."""

    def __init__(self, service: str, folder: str) -> None:
        self._file = Path(folder) / f"{service}.json"
        self._passes: dict[str, int] = {}

    def take(self, point: str) -> signal.Signals | None:
        """The signal that is due at this point now."""
        try:
            order = json.loads(self._file.read_text())
        except FileNotFoundError:
            return None
        if order["point"] != point:
            return None
        self._passes[order["id"]] = passes = self._passes.get(order["id"], 0) + 1
        return signal.Signals(order["signal"]) if passes > order["passes_before"] and self._claim() else None

    def _claim(self) -> bool:
        taken = self._file.with_suffix(f".{os.getpid()}")
        try:
            self._file.rename(taken)
        except FileNotFoundError:  # another process of the service was first
            return False
        taken.write_text(str(os.getpid()))
        taken.rename(self._file.with_suffix(".reached"))
        return True

    def pass_point(self, point: str) -> None:
        """Send the signal if this is the point."""
        if (number := self.take(point)) is not None:
            os.kill(os.getpid(), number)


def install(service: str, folder: str) -> None:
    """Put the points of a service into its ports."""
    orders = Orders(service, folder)
    _publish(orders)
    _commit(orders)
    if service in ("validator", "drift-detector"):
        _state(orders)
    if service in ("server", "trainer"):
        _artifacts(orders, service)
    if service == "trainer":
        _training(orders)
    if service == "registry":
        _database(orders)


def _publish(orders: Orders) -> None:
    from penstock.bus.kafka.sink import KafkaSink

    send = KafkaSink.send

    async def send_or_end(self: KafkaSink, batches: Sequence[Any]) -> Awaitable[None]:
        if all(batch.topic.endswith(ALERTS) for batch in batches):
            return await send(self, batches)
        orders.pass_point("before-send")
        first = []
        if (number := orders.take("during-publish")) is not None:
            half = (len(batches) + 1) // 2
            first.append(await send(self, batches[:half]))
            if number == signal.SIGKILL:
                await first.pop()
            os.kill(os.getpid(), number)  # after a SIGSTOP the rest is sent, in its order
            batches = batches[half:]
        return _confirm([*first, await send(self, batches)])

    async def _confirm(written: Sequence[Awaitable[None]]) -> None:
        for each in written:
            await each
        orders.pass_point("after-publish")

    KafkaSink.send = send_or_end  # type: ignore[method-assign]


def _commit(orders: Orders) -> None:
    from aiokafka import AIOKafkaConsumer

    _between(AIOKafkaConsumer, "commit", orders, "before-commit", "after-commit", is_async=True)


def _state(orders: Orders) -> None:
    from penstock.bus.state.rocksdb import RocksStateStore

    _between(RocksStateStore, "write", orders, "before-state-write", "after-state-write")


def _artifacts(orders: Orders, service: str) -> None:
    from penstock.artifacts import FileStore

    if service == "server":
        _between(FileStore, "get", orders, "before-model-read", "after-model-read")
        return
    for name in ("put", "put_file"):
        _between(FileStore, name, orders, "before-archive", "after-archive")


def _training(orders: Orders) -> None:
    from penstock.trainer.processes.child_processes import ChildProcesses

    _between(ChildProcesses, "run_job", orders, "before-training", "after-training", is_async=True)


def _database(orders: Orders) -> None:
    from penstock.registry.db.transactions import Database

    write = Database.write

    async def write_or_end(self: Database, transaction: Callable[[Any], Any]) -> Any:
        def run(session: Any) -> Any:
            result = transaction(session)
            orders.pass_point("before-database-commit")
            return result

        orders.pass_point("before-transaction")
        result = await write(self, run)
        orders.pass_point("after-database-commit")
        return result

    Database.write = write_or_end  # type: ignore[method-assign]


def _between(owner: Any, name: str, orders: Orders, before: str, after: str, *, is_async: bool = False) -> None:
    method = getattr(owner, name)

    @wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        orders.pass_point(before)
        result = method(*arguments, **named)
        orders.pass_point(after)
        return result

    @wraps(method)
    async def call_and_wait(*arguments: Any, **named: Any) -> Any:
        orders.pass_point(before)
        result = await method(*arguments, **named)
        orders.pass_point(after)
        return result

    setattr(owner, name, call_and_wait if is_async else call)
