"""On a real broker: each destination has its own group, whose commit follows the delivery."""

from __future__ import annotations

import uuid
from pathlib import Path

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.bus.state.rocksdb import RocksStateStores

from .receiver import Receiver, receiving
from .site import SECRET, Site, alert, webhook


async def test_alerts_reach_their_destination_once_though_the_notifier_is_started_again(
    broker: str, tmp_path: Path
) -> None:
    namespace = f"n{uuid.uuid4().hex[:8]}"
    log = KafkaLog(Connection(broker), namespace, "test")
    with receiving(Receiver(SECRET)) as ops, receiving(Receiver(SECRET, statuses=[503] * 1000)) as down:
        document = {"destination": [webhook("down", down.url), webhook("ops", ops.url)]}
        site = Site(document, log=log, namespace=namespace)
        site.process.clock.advance_to(0)
        topic = (f"{namespace}.alerts", 0)

        async def are_committed() -> bool:
            try:
                return (await log.committed("notifier-ops", [topic])).get(topic) == written
            except BrokerUnavailable:  # of a group that is just being made
                return False

        for written in (2, 4):
            site.state_stores = RocksStateStores(tmp_path)
            await site.start()
            await site.write(alert(written - 2), alert(written - 1))
            await site.work_until_awaited(are_committed)
        assert ops.ids == ["a0", "a1", "a2", "a3"]
        assert all(ops.is_signed(headers, body) for headers, body in ops.received)
        assert await log.committed("notifier-down", [topic]) == {}
        assert {record.destination for record in await site.records()} == {"ops"}
    await log.close()
