"""Who uses the deployment: sends events and labels, gives commands, and writes down what was answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, Literal

from penstock.bus.errors import TransientError
from penstock.contracts.refusals import Refusal
from penstock.registry.command_context import CommandContext, IdempotencyKey
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.use_cases.registry import Registry
from penstock.runtime.log_writer import WriteUnconfirmed
from tests.faults.checker.ledger import Answer, CommandRow, Operation
from tests.faults.declaration import START_MS, STREAM
from tests.faults.deployment import Deployment
from tests.faults.life import Crash

START = datetime.fromtimestamp(START_MS / 1000, UTC)
ENTITIES = 4
LARGEST_LEAD = timedelta(minutes=50)  # of event time before the clock: an hour is refused

Give = Callable[[Registry, CommandContext], Awaitable[CommandResult]]


def entity_of(event_id: str) -> str:
    """The entity of an event, for a label may come before it."""
    return f"k{int(event_id[1:]) * 7 % ENTITIES}"


class Client:
    """`events` are those that were sent, `lead` is how far their time is before the clock."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.operations: list[Operation] = []
        self.commands: list[CommandRow] = []
        self.events: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        self.lead = timedelta(0)

    # --- events and labels

    def new_event(self, chance: Random, **changes: Any) -> dict[str, Any]:
        """The next event, whose time is given in some zone."""
        number = f"e{len(self.events)}"
        zone = timezone(timedelta(hours=chance.randrange(-11, 12)))
        time = (START + self.lead + timedelta(seconds=len(self.events))).astimezone(zone)
        data = {"key": entity_of(number), "x": round(chance.random(), 3)}
        return {"specversion": "1.0", "type": "penstock.event.v1", "source": "s", "id": number,
                "time": time.isoformat(), "data": data} | changes  # fmt: skip

    async def send_new(self, event: dict[str, Any]) -> None:
        """Send an event, which may be labelled or sent again later."""
        self.events.append(event)
        await self.send(event)

    async def send(self, event: dict[str, Any]) -> None:
        """Send an event."""
        body = json.dumps(event, separators=(",", ":")).encode()
        entity = event["data"]["key"] if isinstance(event["data"], dict) else ""
        answer, content = await self._submit("event", body), json.dumps(event["data"])
        self.operations.append(Operation(event["id"], entity, body, answer, content=content))

    def new_label(self, event_id: str, value: str, revision: int = 0, number: str = "") -> dict[str, Any]:
        """A label of an event; `number` tells it from others that say the same."""
        data = {"event_id": event_id, "event_source": "s", "value": value, "revision": revision,
                "entity": entity_of(event_id)}  # fmt: skip
        return {"specversion": "1.0", "type": "penstock.label.v1", "source": "s",
                "id": f"l-{event_id}-{revision}-{value}{number}", "time": (START + self.lead).isoformat(),
                "data": data}  # fmt: skip

    async def send_label(self, label: dict[str, Any]) -> None:
        """Send a label."""
        self.labels.append(label)
        body, data = json.dumps(label, separators=(",", ":")).encode(), label["data"]
        answer = await self._submit("label", body)
        named = {"event": data["event_id"], "revision": data["revision"], "label": data["value"]}
        self.operations.append(Operation(label["id"], data["entity"], body, answer, "label", **named))

    async def _submit(self, kind: Literal["event", "label"], body: bytes) -> Answer:
        try:
            (verdict,) = await self.deployment.intake.submit(STREAM, kind, [body])
        except (WriteUnconfirmed, TransientError, Crash):
            if self.deployment.intake_life.over:
                await self.deployment.start_ingestion()
            return "info"
        return "fail" if isinstance(verdict, Refusal) else "ok"

    # --- commands

    async def command(self, key: str, expected_epoch: int | None, give: Give) -> CommandRow:
        """Give a command under a key, and write down what came of it."""
        context = CommandContext(idempotency_key=IdempotencyKey(key, key))
        answer: Answer = "ok"
        result = None
        try:
            result = await give(self.deployment.registry, context)
        except CommandRefused:
            answer = "fail"
        except (TransientError, Crash):
            answer = "info"
        epoch, version, status = (result.epoch, result.model, result.status) if result else (None, None, "")
        row = CommandRow(key, answer, expected_epoch, status, epoch, version)
        self.commands.append(row)
        return row

    async def bury_registry(self) -> None:
        """Start the registry again if a command met its end."""
        if self.deployment.members["registry"].life.over:
            await self.deployment.crash("registry")
