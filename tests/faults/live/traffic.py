"""What producers send while a fault is on: events at a bounded rate, their labels, and some of them again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import httpx

from tests.faults.checker.ledger import Answer
from tests.faults.live.site import Site
from tests.faults.producer import Kind, Producer

SENDERS = 8
PAUSE_S = 0.2  # of each sender after an event and a label
AGAIN_S = 0.2  # until what has an unknown outcome is sent again
ATTEMPTS = 300
BEHIND = 3  # events of a sender, by which its labels are later
REPEATED = 0.1  # of the events are sent again


class Traffic:
    """`address` is where it is sent; `acknowledged` is when the last event was sent of those that were, on the
    monotonic clock.
    """

    def __init__(self, site: Site, stream: str, seed: int, pause_s: float = PAUSE_S) -> None:
        self.producer = Producer(self._submit)
        self.acknowledged = 0.0
        self.address = site.ingestion
        self._client = site.stage.client
        self._stream = stream
        self._seed = seed
        self._pause_s = pause_s
        self._over = False

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Send for the length of the block; what has an unknown outcome at its end is sent to its end."""
        tasks = [asyncio.create_task(self._send(Random(self._seed * SENDERS + number))) for number in range(SENDERS)]
        try:
            yield
        finally:
            self._over = True
            await asyncio.gather(*tasks)

    async def until_acknowledged_after(self, moment: float) -> None:
        """Wait until an event is acknowledged that was sent after a moment."""
        while self.acknowledged <= moment:  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(0.02)

    async def _send(self, chance: Random) -> None:
        unlabelled: list[dict[str, Any]] = []
        while not self._over:
            event = self.producer.new_event(chance)
            began = time.monotonic()
            answer = await self.producer.send_new(event)
            answer = answer if answer != "info" else await self._send_again(event)
            if answer == "ok":
                self.acknowledged = max(self.acknowledged, began)
                unlabelled.append(event)
            if len(unlabelled) > BEHIND:
                await self._label(unlabelled.pop(0))
            if chance.random() < REPEATED:
                await self.producer.send(chance.choice(self.producer.events))
            await asyncio.sleep(self._pause_s)
        for event in unlabelled:
            await self._label(event)

    async def _send_again(self, event: dict[str, Any]) -> Answer:
        for _ in range(ATTEMPTS):
            await asyncio.sleep(AGAIN_S)
            began = time.monotonic()
            if (answer := await self.producer.send(event)) != "info":
                self.acknowledged = max(self.acknowledged, began)
                return answer
        return "info"

    async def _label(self, event: dict[str, Any]) -> None:
        label = self.producer.new_label(event["id"], "yes" if event["data"]["x"] > 0.5 else "no")
        for _ in range(ATTEMPTS):
            if await self.producer.send_label(label) != "info":
                return
            await asyncio.sleep(AGAIN_S)

    async def _submit(self, kind: Kind, body: bytes) -> Answer:
        url = f"{self.address}/v1/streams/{self._stream}/{kind}s"
        try:
            response = await self._client.post(url, content=body, headers=JSON)
        except httpx.HTTPError:
            return "info"
        if response.status_code == httpx.codes.ACCEPTED:
            return "ok"
        return "fail" if response.is_client_error else "info"


JSON = {"content-type": "application/json"}
