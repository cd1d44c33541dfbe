"""What a producer sends: events and labels, and what it was answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, Literal

from tests.faults.checker.ledger import Answer, Operation
from tests.faults.declaration import START_MS

START = datetime.fromtimestamp(START_MS / 1000, UTC)
ENTITIES = 4
LARGEST_LEAD = timedelta(minutes=50)  # of event time before the clock: an hour is refused

Kind = Literal["event", "label"]
Submit = Callable[[Kind, bytes], Awaitable[Answer]]
"""Sends a document, and says how that ended."""


def entity_of(event_id: str) -> str:
    """The entity of an event, for a label may come before it."""
    return f"k{int(event_id[1:]) * 7 % ENTITIES}"


class Producer:
    """`events` are those that were sent, `lead` is how far their time is before the clock."""

    def __init__(self, submit: Submit) -> None:
        self.operations: list[Operation] = []
        self.events: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        self.lead = timedelta(0)
        self._submit = submit

    def new_event(self, chance: Random, **changes: Any) -> dict[str, Any]:
        """The next event, whose time is given in some zone."""
        number = f"e{len(self.events)}"
        zone = timezone(timedelta(hours=chance.randrange(-11, 12)))
        time = (START + self.lead + timedelta(seconds=len(self.events))).astimezone(zone)
        data = {"key": entity_of(number), "x": round(chance.random(), 3)}
        return {"specversion": "1.0", "type": "penstock.event.v1", "source": "s", "id": number,
                "time": time.isoformat(), "data": data} | changes  # fmt: skip

    async def send_new(self, event: dict[str, Any]) -> Answer:
        """Send an event, which may be labelled or sent again later."""
        self.events.append(event)
        return await self.send(event)

    async def send(self, event: dict[str, Any]) -> Answer:
        """Send an event."""
        body = json.dumps(event, separators=(",", ":")).encode()
        entity = event["data"]["key"] if isinstance(event["data"], dict) else ""
        answer, content = await self._submit("event", body), json.dumps(event["data"])
        self.operations.append(Operation(event["id"], entity, body, answer, content=content))
        return answer

    def new_label(self, event_id: str, value: str, revision: int = 0, number: str = "") -> dict[str, Any]:
        """A label of an event; `number` tells it from others that say the same."""
        data = {"event_id": event_id, "event_source": "s", "value": value, "revision": revision,
                "entity": entity_of(event_id)}  # fmt: skip
        return {"specversion": "1.0", "type": "penstock.label.v1", "source": "s",
                "id": f"l-{event_id}-{revision}-{value}{number}", "time": (START + self.lead).isoformat(),
                "data": data}  # fmt: skip

    async def send_label(self, label: dict[str, Any]) -> Answer:
        """Send a label."""
        self.labels.append(label)
        body, data = json.dumps(label, separators=(",", ":")).encode(), label["data"]
        answer = await self._submit("label", body)
        named = {"event": data["event_id"], "revision": data["revision"], "label": data["value"]}
        self.operations.append(Operation(label["id"], data["entity"], body, answer, "label", **named))
        return answer
