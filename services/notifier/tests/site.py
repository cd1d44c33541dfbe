"""A notifier on a memory log, its alerts and what came of them; it may crash and be started again."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import Log, RecordBatch
from penstock.bus.state.unit_state import MemoryStateStores, StateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.records.monitoring import Alert, Notification
from penstock.contracts.topics import ALERTS, NOTIFICATIONS
from penstock.notifier.notifications import Notifications
from penstock.notifier.wiring import service_of
from penstock.runtime.single_process import SingleProcess, VirtualClock

SECRET = b"a secret of thirty-two bytes ok!"
ENVIRONMENT = {"OPS_SECRET": "whsec_" + base64.b64encode(SECRET).decode()}
NOW = 1_767_225_600_000  # 2026-01-01T00:00Z
HOUR = 3_600_000


def webhook(name: str, url: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "webhook", "url": url, "secret_variable": "OPS_SECRET", **more}


def alert(number: int, **more: Any) -> Alert:
    fields = {"severity": "critical", "subject": "s", "message": f"alert {number}", "stream": "loans"}
    identity = {"source": "penstock/test", "id": f"a{number}", "time": datetime(2026, 1, 1, tzinfo=UTC)}
    return Alert.model_validate({**identity, **fields, "kind": "shortfall", "key": f"shortfall/{number}", **more})


class Site:
    """Alerts on a log, and the workers of a notifier."""

    def __init__(self, document: Mapping[str, Any], *, log: Log | None = None, namespace: str = "penstock") -> None:
        self.notifications = Notifications.model_validate(document)
        self.process = SingleProcess(VirtualClock(NOW), namespace)
        self.log: Log = log or self.process.log
        self.state_stores: StateStores = MemoryStateStores()
        self.workers: list[Worker] = []

    async def start(self) -> None:
        """Start a process: its workers come after those of the one before, which a test has crashed or stopped."""
        await self.log.create(control_topics(self.process.namespace))
        resources = replace(self.process.resources(), log=self.log, state_stores=self.state_stores)
        service = service_of(self.notifications, ENVIRONMENT, resources)
        self.workers = [resources.worker(group) for group in service.groups]

    async def write(self, *alerts: Alert) -> None:
        sink = await self.log.sink()
        name = ALERTS.name(self.process.namespace)
        await (await sink.send([RecordBatch.single(name, 0, b"loans", one.to_json()) for one in alerts]))
        await sink.close()

    async def work_until(self, condition: Callable[[], bool]) -> None:
        """Let all workers work side by side until the condition holds."""

        async def check() -> bool:
            return condition()

        await self.work_until_awaited(check)

    async def work_until_awaited(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """The same, of a condition that asks somebody."""
        tasks = [asyncio.create_task(worker.run()) for worker in self.workers]
        async with asyncio.timeout(60):
            while not await condition():  # noqa: ASYNC110 - a receiver is a thread
                await asyncio.sleep(0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def failures(self) -> dict[str, str]:
        return {what: why for worker in self.workers for what, why in worker.failures().items()}

    async def records(self) -> list[Notification]:
        topic = NOTIFICATIONS.name(self.process.namespace)
        reader = await self.log.reader({(topic, 0): 0})
        batches = await reader.read_to_end()
        await reader.close()
        return [record for batch in batches for record in NOTIFICATIONS.decoder(None)(batch.records)]

    @property
    def recorded(self) -> int:
        """How many deliveries are on record, on a memory log."""
        return len(self.memory_log.records_of((NOTIFICATIONS.name("penstock"), 0)))

    @property
    def memory_log(self) -> MemoryLog:
        assert isinstance(self.log, MemoryLog)
        return self.log
