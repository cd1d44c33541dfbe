"""Labels: of several events, before their event, repeated, corrected, contradictory."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.faults.client import Client
from tests.faults.steps.step import Kind

AT_ONCE = 8
REVISIONS = 3


def _value_of(event: dict[str, Any]) -> str:
    return "yes" if event["data"]["x"] > 0.5 else "no"


async def _label(client: Client, chance: Random) -> None:
    for event in chance.sample(client.producer.events, min(AT_ONCE, len(client.producer.events))):
        await client.producer.send_label(client.producer.new_label(event["id"], _value_of(event)))


async def _early(client: Client, chance: Random) -> None:
    event = f"e{len(client.producer.events) + chance.randrange(5)}"
    await client.producer.send_label(client.producer.new_label(event, chance.choice(("yes", "no"))))


async def _repeat(client: Client, chance: Random) -> None:
    if client.producer.labels:
        label = chance.choice(client.producer.labels)
        again = label | {"id": f"{label['id']}-{chance.randrange(1000)}"}
        await client.producer.send_label(chance.choice((label, again)))


async def _correct(client: Client, chance: Random) -> None:
    if client.producer.events:
        event, revision = chance.choice(client.producer.events), chance.randrange(1, REVISIONS + 1)
        await client.producer.send_label(client.producer.new_label(event["id"], chance.choice(("yes", "no")), revision))


async def _contradict(client: Client, chance: Random) -> None:
    if client.producer.labels:
        data = chance.choice(client.producer.labels)["data"]
        other = "no" if data["value"] == "yes" else "yes"
        await client.producer.send_label(client.producer.new_label(data["event_id"], other, data["revision"]))


LABELS = {
    "label": Kind(_label, 20),
    "label-early": Kind(_early, 5),
    "label-repeat": Kind(_repeat, 5),
    "label-correct": Kind(_correct, 6),
    "label-conflict": Kind(_contradict, 4),
}
