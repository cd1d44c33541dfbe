"""Predict requests at a steady rate, and how each ended."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import numpy as np

CONNECTIONS = 8
RATE = 160.0  # requests a second, over all connections


@dataclass
class Load:
    """Requests of a client to `url`.

    `latencies` are the seconds that answers took, from when they were due; `failures` are counted by what came.
    """

    client: httpx.AsyncClient
    url: str
    latencies: list[float] = field(default_factory=list)
    versions: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Ask for the length of the block, and have the last answers."""
        over = asyncio.Event()
        tasks = [asyncio.create_task(self._ask(over, number / RATE)) for number in range(CONNECTIONS)]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*tasks)

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of the answers came."""
        return 1000 * float(np.quantile(self.latencies, share))

    async def _ask(self, over: asyncio.Event, delay: float) -> None:
        due = time.monotonic() + delay
        while not over.is_set():
            due = max(due + CONNECTIONS / RATE, time.monotonic() - 1)
            await asyncio.sleep(due - time.monotonic())
            await self._ask_once(due)

    async def _ask_once(self, due: float) -> None:
        number = next(self._numbers)
        try:
            response = await self.client.post(self.url, json={"id": f"p{number}", "data": {"x": number % 7 - 3.0}})
        except httpx.HTTPError as error:
            self.failures[type(error).__name__] += 1
            return
        if response.status_code != 200:
            self.failures[f"{response.status_code} {response.json().get('code', '')}"] += 1
            return
        self.latencies.append(time.monotonic() - due)
        self.versions[response.json()["model"]["version"]] += 1
