"""Rejected records and dead letters on the real broker, repaired with the commands that a user has."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

from penstock.bus.ports import RecordBatch
from penstock.contracts.partitioner import partition_of
from penstock.contracts.topics import EVENTS, PREDICTIONS, RECEIVED

from .conftest import Site
from .test_rollout_commands import penstock

EVENTS_SENT = 150
CUSTOMERS = ("c-1", "c-2", "c-3")


def event(number: int, amount: Any) -> bytes:
    """An event as a producer to Kafka writes it."""
    data = {"customer": CUSTOMERS[number % 3], "income": 1.0, "amount": amount, "account_months": 1, "purpose": "car"}
    envelope = {"specversion": "1.0", "type": "penstock.event.v1", "source": "till", "id": f"e{number}"}
    return json.dumps({**envelope, "time": "2026-01-05T08:00:00Z", "data": data}).encode()


async def write(site: Site, stream: str, partitions: int, values: list[bytes]) -> None:
    """Write events to `received` past ingestion."""
    topic = RECEIVED.name(site.record.namespace, stream)
    async with site.log() as log:
        sink = await log.sink()
        for number, value in enumerate(values):
            key = CUSTOMERS[number % 3].encode()
            await (await sink.send([RecordBatch.single(topic, partition_of(key, partitions), key, value)]))
        await sink.close()


def run_json(site: Site, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(penstock(site, *words, "--json"))
    return document


async def test_what_a_producer_got_wrong_is_repaired_and_released_once(site: Site, tmp_path: Path) -> None:
    values = [event(number, f"{number}.5" if number % 3 else -1) for number in range(EVENTS_SENT)]
    cut = values[1][:-9]
    async with site.stream("repairs") as deployment:
        stream = deployment.watch.stream
        await write(site, stream.name, stream.declaration.partition_count, [*values, cut])
        await deployment.await_handled()
        (left,) = run_json(site, "rejected", "list", "repairs", "--limit", "2")["streams"]
        assert [(c["code"], c["field"], c["count"]) for c in left["counts"]] == [
            ("wrong_type", "amount", 100),
            ("out_of_range", "amount", 50),
        ]
        assert (len(left["records"]), left["after"]) == (2, left["records"][1]["at"])
        penstock(site, "rejected", "edit", "repairs", "--where", "code=wrong_type", "--cast", "amount=number")
        assert run_json(site, "rejected", "preview", "repairs")["passing"] == 100

        releases = await asyncio.gather(  # two people at once, and then a third
            *(asyncio.to_thread(penstock, site, "rejected", "release", "repairs") for _ in range(2))
        )
        assert "repairs: 100 of 150 were released, 50 refused" in "".join(releases)
        assert run_json(site, "rejected", "release", "repairs")["passing"] == 0
        penstock(site, "rejected", "drop", "repairs", "--where", "field=amount", "--reason", "refunds")
        assert penstock(site, "rejected", "list", "repairs").startswith("repairs: nothing is left on rejected\n")

        (letters,) = run_json(site, "dead-letters", "list", "repairs")["streams"]
        (letter,) = letters["records"]
        whole = tmp_path / "mended.json"
        whole.write_bytes(event(EVENTS_SENT, 7))
        penstock(site, "dead-letters", "edit", "repairs", letter["at"], "--file", str(whole))
        assert run_json(site, "dead-letters", "show", "repairs", letter["at"])["fate"] == "passes"
        assert run_json(site, "dead-letters", "release", "repairs", "--why", "cut by the till")["passing"] == 1

        await deployment.await_handled()
        mended = Counter(f"e{number}" for number in range(EVENTS_SENT) if number % 3) + Counter([f"e{EVENTS_SENT}"])
        assert Counter(record.id for record, _ in await site.records(EVENTS, stream)) == mended
        assert Counter(record.id for record, _ in await site.records(PREDICTIONS, stream)) == mended
