"""A client that requests predictions throughout a run, and counts the requests that fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

PROBES_PER_SECOND = 20
TIMEOUT_S = 10.0
REFUSED = 422
HEADERS = {"penstock-probe": "1", "content-type": "application/json"}  # a probe is answered, but not logged


@dataclass
class ProbeCounts:
    """How many probes were sent, and how many failed: a time-out, a reset, a response other than 2xx.

    A refusal of the row's own content (422) is no failure.

    `statuses` counts them by status code, or by the name of the transport error.
    """

    requests: int = 0
    failed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)

    def add(self, status: str, *, is_success: bool) -> None:
        """Count one response."""
        self.requests += 1
        self.failed += not is_success
        self.statuses[status] = self.statuses.get(status, 0) + 1


@asynccontextmanager
async def probe_predictions(server: str, stream: str, events: Sequence[bytes]) -> AsyncIterator[ProbeCounts]:
    """Request predictions of the events in turn, 20 a second, for the length of the block.

    Args:
        server: the address of the server.
        stream: the name of the stream.
        events: CloudEvents as a producer sends them.
    """
    counts = ProbeCounts()
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        task = asyncio.create_task(_probe(client, f"{server}/v1/streams/{stream}/predict", events, counts))
        try:
            yield counts
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _probe(client: httpx.AsyncClient, url: str, events: Sequence[bytes], counts: ProbeCounts) -> None:
    bodies = [_predict_body(event) for event in events]
    number = 0
    while True:
        try:
            response = await client.post(url, content=bodies[number % len(bodies)], headers=HEADERS)
            is_answer = response.is_success or response.status_code == REFUSED
            counts.add(str(response.status_code), is_success=is_answer)
        except httpx.TransportError as error:
            counts.add(type(error).__name__, is_success=False)
        number += 1
        await asyncio.sleep(1 / PROBES_PER_SECOND)


def _predict_body(event: bytes) -> bytes:
    document = json.loads(event)
    return json.dumps({name: document[name] for name in ("id", "source", "time", "data")}).encode()
