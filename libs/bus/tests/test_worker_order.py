"""The order of a worker's outputs: in a backlog no record of a key overtakes another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, route
from penstock.bus.topics import stream_topics
from penstock.bus.worker.worker import MAX_POLL_RECORDS
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.events import Label
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, LABELS

from .test_worker import DECLARATION, NAMESPACE, Deployment, label

PARTITIONED = StreamDeclared.model_validate(
    {
        "source": "t",
        "id": "parcels-1",
        "time": "2026-01-01T00:00:00Z",
        "version": 1,
        "declaration": parse_declaration(
            DECLARATION.replace('"loans"', '"parcels"\nentity = "k"') + 'k = { type = "category" }\n'
        ),
    }
)


def forward(batch: Batch[Label]) -> Iterable[AnyOutputs]:
    values = [record.data.event_id.encode() for record in batch.records]
    return [Outputs(EVENTS, "parcels", values, [b"%d" % (int(value) % 7) for value in values])]


@pytest.mark.parametrize("unreadable_every", [0, 150])
async def test_in_a_backlog_no_record_of_a_key_overtakes_another(unreadable_every: int) -> None:
    """Several partitions, and dead letters beside good records: each poll's outputs have several parts."""
    count = 6 * MAX_POLL_RECORDS
    deployment = Deployment()
    deployment.streams.apply(PARTITIONED)
    await deployment.log.create(stream_topics(NAMESPACE, PARTITIONED))
    values = [b"?" if unreadable_every and number % unreadable_every == 0 else label(number) for number in range(count)]
    topic = f"{NAMESPACE}.parcels.labels"
    deployment.log.append([RecordBatch(topic, number % 4, [b"k"], [value]) for number, value in enumerate(values)])
    worker = deployment.worker(Group("forward", (LABELS,), lambda _unit, _state: [route(LABELS, forward)]))
    running = asyncio.create_task(worker.run())
    expected = count - (count // unreadable_every if unreadable_every else 0)
    events = [(f"{NAMESPACE}.parcels.events", number) for number in range(4)]
    async with asyncio.timeout(60):
        while sum(len(deployment.log.records_of(key)) for key in events) < expected:
            await deployment.log.wait_for_append(1)
    running.cancel()
    await asyncio.wait({running})
    for key in events:
        by_source: dict[int, list[int]] = {}
        for value in deployment.outputs(key):
            by_source.setdefault(int(value) % 4, []).append(int(value))
        for numbers in by_source.values():
            assert numbers == sorted(numbers)
