"""A client that asks the server for predictions over HTTP while a fault is on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.faults.live.site import Site
from tests.faults.live.traffic import JSON

EVERY_S = 0.5
BODY = {"data": {"key": "k1", "x": 0.4}}


@dataclass
class Asked:
    """What was answered: the statuses, 0 where none came; and how often the answer was that the outcome is `unknown`.

    That is promised (P2) where the log has not confirmed the prediction in time, with when to ask again.
    """

    statuses: list[int] = field(default_factory=list)
    unknown: int = 0

    def note(self, response: httpx.Response) -> None:
        """Count an answer."""
        is_away = response.status_code == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" in response.headers
        if is_away and response.json()["code"] == "outcome_unknown":
            self.unknown += 1
        else:
            self.statuses.append(response.status_code)


async def until_answered(site: Site, stream: str) -> None:
    """Wait until a prediction comes."""
    while not (await site.stage.predict(stream, BODY)).is_success:  # noqa: ASYNC110 - it is polled
        await asyncio.sleep(EVERY_S)


@asynccontextmanager
async def asking(site: Site, stream: str, *, is_on: bool) -> AsyncIterator[Asked]:
    """Ask for predictions of a stream for the length of the block."""
    asked, url = Asked(), f"{site.server}/v1/streams/{stream}/predict"

    async def ask() -> None:
        while True:
            try:
                asked.note(await site.stage.client.post(url, json=BODY, headers=JSON))
            except httpx.HTTPError:
                asked.statuses.append(0)
            await asyncio.sleep(EVERY_S)

    task = asyncio.create_task(ask()) if is_on else None
    try:
        yield asked
    finally:
        if task is not None:
            task.cancel()
