"""Dead letters are told once for a unit, and once when there was none for an hour; tombstones are by design."""

from __future__ import annotations

from penstock.bus.alert_writer import AlertWriter
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch
from penstock.bus.publisher import Publisher
from penstock.bus.routes import Group, Unit, route
from penstock.bus.state.unit_state import MemoryStateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.dead_letter_watch import QUIET_S, DeadLetterWatch
from penstock.bus.worker.worker import Worker
from penstock.contracts.batch import Batch
from penstock.contracts.records.governance import Command
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import ALERTS, COMMANDS
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

UNIT = Unit("loans", 2)


def alerts_on(log: MemoryLog) -> list[Alert]:
    return ALERTS.decoder(None)(log.records_of((ALERTS.name("test"), 0)))


async def test_an_episode_is_told_once_and_its_end_after_an_hour_without_another() -> None:
    log, now = MemoryLog(), 0.0
    await log.create(control_topics("test"))
    alerts = AlertWriter(Publisher(log, "test", Streams()))
    watch = DeadLetterWatch("server", alerts, lambda: now)
    for second in (0.0, 10.0, QUIET_S, QUIET_S + 10):
        now = second
        watch.add(UNIT, "penstock.loans.events/2", "not JSON")
        watch.look()
    now += QUIET_S - 1
    watch.look()
    now += 1
    watch.look()
    watch.look()
    await alerts.close()
    first, second_alert = alerts_on(log)
    assert (first.kind, first.severity, first.state) == ("dead-letters", "warning", "firing")
    assert (
        first.message == "server: unit loans/2: a record of penstock.loans.events/2 went to the dead letters: not JSON"
    )
    assert (second_alert.state, second_alert.key) == ("resolved", "dead-letters/loans/server/2")


async def test_a_worker_tells_of_records_that_cannot_be_read_and_not_of_tombstones() -> None:
    log = MemoryLog()
    await log.create(control_topics("test"))

    def ignore(_: Batch[Command]) -> list[object]:
        return []

    group = Group("reader", (COMMANDS,), lambda *_: [route(COMMANDS, ignore)])  # type: ignore[arg-type]
    telemetry = start_telemetry("test", environ={})
    worker = Worker(group, log, "test", Streams(), MemoryStateStores(), telemetry, Metrics())
    topic_partition = (COMMANDS.name("test"), 0)
    for value in (None, b"{", b"{"):
        log.append([RecordBatch.single(*topic_partition, b"key", value)])
        await worker.step(0)
    await worker.step(0)
    await worker.close()
    (alert,) = alerts_on(log)
    assert (alert.kind, alert.source) == ("dead-letters", "penstock/reader")
