"""A released event goes the whole way: it is predicted, and the label that waited for it is joined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from penstock.bus.memory.log import MemoryLog
from penstock.console.demo.credit_risk import SOURCE, START
from penstock.console.demo.demo import demo_declaration
from penstock.console.record_refusal import RecordRefusal
from penstock.console.repair.assessed_pages import Run
from penstock.console.repair.release import release
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.contracts.records.repairs import Repair, Rule
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES

from .log_records import records_of
from .test_bad_records import event, write

VALUE = demo_declaration().label.classes[0]
LABELLED_AT = START + timedelta(hours=1)


class DeploymentSite:
    """A whole deployment as a site of repairs."""

    namespace = "penstock"

    def __init__(self, deployment: InProcessDeployment) -> None:
        self._deployment = deployment

    @property
    def log(self) -> MemoryLog:
        return self._deployment.log

    @property
    def stream(self) -> StreamDeclared:
        return self._deployment.watch.stream

    def now(self) -> datetime:
        return LABELLED_AT

    async def record(self, repair: Repair) -> None:
        await self._deployment.registry.record_repair(self.stream.name, repair)

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes]) -> list[RecordRefusal]:
        return await self._deployment.send(kind, bodies, self.now())

    async def await_validated(self) -> None:
        await self._deployment.await_quiet()

    def records(self, topic: Any) -> list[Any]:
        return records_of(self.log, topic, self.stream)


def label(event_id: str) -> bytes:
    """The label of an event of the customer c-1."""
    return json.dumps({"event_id": event_id, "event_source": SOURCE, "entity": "c-1", "value": VALUE}).encode()


async def test_a_label_that_waited_for_a_released_event_is_joined() -> None:
    async with in_process_deployment(demo_declaration()) as deployment:
        site = DeploymentSite(deployment)
        text = {"customer": "c-1", "income": "1200", "amount": 1.0, "account_months": 1, "purpose": "car"}
        await write(deployment, event(id="late", data=text), event(id="other"))
        assert await deployment.send("label", [label("late")], LABELLED_AT) == []
        await deployment.await_quiet()
        assert site.records(OUTCOMES) == []
        await site.record(Repair(topic="rejected", step="edited", rule=Rule(cast={"income": "number"})))
        assert (await release(site, Run("rejected"), "text for a number")).passing == 1
        await deployment.await_quiet()
        (outcome,) = site.records(OUTCOMES)
        assert (outcome.id, outcome.data.status, outcome.data.label) == ("late", "joined", VALUE)
        assert outcome.time == START, "under its own event time"
        assert outcome.data.answer.version == 0
