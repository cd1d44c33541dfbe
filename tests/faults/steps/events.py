"""Events: new, late, ahead of their time, repeated, contradictory, refused, unreadable."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from penstock.bus.ports import RecordBatch
from penstock.contracts.topics import RECEIVED
from tests.faults.client import Client
from tests.faults.declaration import NAMESPACE, STREAM
from tests.faults.producer import LARGEST_LEAD, START
from tests.faults.steps.step import Kind


async def _send(client: Client, chance: Random) -> None:
    for _ in range(chance.randrange(1, 4)):
        await client.producer.send_new(client.producer.new_event(chance))


async def _late(client: Client, chance: Random) -> None:
    early = START - timedelta(days=chance.randrange(1, 9))
    await client.producer.send_new(client.producer.new_event(chance, time=early.isoformat()))


async def _out_of_order(client: Client, chance: Random) -> None:
    earlier = START + client.producer.lead + timedelta(seconds=len(client.producer.events) - chance.randrange(2000))
    await client.producer.send_new(client.producer.new_event(chance, time=earlier.isoformat()))


async def _ahead(client: Client, chance: Random) -> None:
    client.producer.lead = min(client.producer.lead + timedelta(minutes=chance.randrange(1, 20)), LARGEST_LEAD)
    await client.producer.send_new(client.producer.new_event(chance))


async def _repeat(client: Client, chance: Random) -> None:
    if client.producer.events:
        await client.producer.send(chance.choice(client.producer.events))


async def _conflict(client: Client, chance: Random) -> None:
    if client.producer.events:
        event = chance.choice(client.producer.events)
        await client.producer.send(event | {"data": event["data"] | {"x": 1 + round(chance.random(), 3)}})


async def _bad(client: Client, chance: Random) -> None:
    bad: list[dict[str, Any]] = [{"time": "2126-01-01T00:00:00Z"}, {"data": {"key": "k1", "x": -1}}, {"data": 7}]
    await client.producer.send(client.producer.new_event(chance, id=f"bad{chance.random()}") | chance.choice(bad))


async def _unreadable(client: Client, chance: Random) -> None:
    topic, value = RECEIVED.name(NAMESPACE, STREAM), chance.choice([None, b"\x00\xff", b"\x00" * 9])
    client.deployment.log.append([RecordBatch.single(topic, chance.randrange(2), b"k", value)])


EVENTS = {
    "send": Kind(_send, 40),
    "late": Kind(_late, 4),
    "out-of-order": Kind(_out_of_order, 4),
    "ahead": Kind(_ahead, 3),
    "repeat": Kind(_repeat, 6),
    "conflict": Kind(_conflict, 4),
    "bad": Kind(_bad, 4),
    "unreadable": Kind(_unreadable, 3),
}
