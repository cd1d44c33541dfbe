"""A client that asks for predictions throughout a run, and counts every answer that is not a good one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

PER_SECOND = 20
PROBE = {"penstock-probe": "1", "content-type": "application/json"}  # answered by the same path, never logged


@dataclass
class Probes:
    """What the prober saw: `failed` counts non-2xx answers, time-outs and resets."""

    asked: int = 0
    failed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)

    def note(self, status: str, good: bool) -> None:
        """Count one answer."""
        self.asked += 1
        self.failed += not good
        self.statuses[status] = self.statuses.get(status, 0) + 1


@asynccontextmanager
async def probing(server: str, stream: str, events: Sequence[bytes]) -> AsyncIterator[Probes]:
    """Ask the server at `server` for predictions of the events, in turn, 20 times a second within the block."""
    probes = Probes()
    async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
        task = asyncio.create_task(_probe(client, f"{server}/v1/streams/{stream}/predict", events, probes))
        try:
            yield probes
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _probe(client: httpx.AsyncClient, url: str, events: Sequence[bytes], probes: Probes) -> None:
    bodies = [_instance(event) for event in events]
    number = 0
    while True:
        try:
            response = await client.post(url, content=bodies[number % len(bodies)], headers=PROBE)
            probes.note(str(response.status_code), response.is_success)
        except httpx.TransportError as error:
            probes.note(type(error).__name__, good=False)
        number += 1
        await asyncio.sleep(1 / PER_SECOND)


def _instance(event: bytes) -> bytes:
    document = json.loads(event)
    return json.dumps({name: document[name] for name in ("id", "source", "time", "data")}).encode()
