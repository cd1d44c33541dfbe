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
    for event in chance.sample(client.events, min(AT_ONCE, len(client.events))):
        await client.send_label(client.new_label(event["id"], _value_of(event)))


async def _early(client: Client, chance: Random) -> None:
    event = f"e{len(client.events) + chance.randrange(5)}"
    await client.send_label(client.new_label(event, chance.choice(("yes", "no"))))


async def _repeat(client: Client, chance: Random) -> None:
    if client.labels:
        label = chance.choice(client.labels)
        again = label | {"id": f"{label['id']}-{chance.randrange(1000)}"}
        await client.send_label(chance.choice((label, again)))


async def _correct(client: Client, chance: Random) -> None:
    if client.events:
        event, revision = chance.choice(client.events), chance.randrange(1, REVISIONS + 1)
        await client.send_label(client.new_label(event["id"], chance.choice(("yes", "no")), revision))


async def _contradict(client: Client, chance: Random) -> None:
    if client.labels:
        data = chance.choice(client.labels)["data"]
        other = "no" if data["value"] == "yes" else "yes"
        await client.send_label(client.new_label(data["event_id"], other, data["revision"]))


LABELS = {
    "label": Kind(_label, 20),
    "label-early": Kind(_early, 5),
    "label-repeat": Kind(_repeat, 5),
    "label-correct": Kind(_correct, 6),
    "label-conflict": Kind(_contradict, 4),
}
