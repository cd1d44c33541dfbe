"""A person's promotions while a fault is on, over HTTP, given again under the same key."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx

from tests.faults.checker.ledger import CommandRow
from tests.faults.live.site import Site

ATTEMPTS = 60
AGAIN_S = 0.5


class Operator:
    """Gives commands at an address, and writes down what came of them."""

    def __init__(self, site: Site, stream: str) -> None:
        self.address = site.registry
        self.commands: list[CommandRow] = []
        self.promotes, self.has_promoted = asyncio.Event(), asyncio.Event()
        self._client = site.stage.client
        self._stream = stream

    async def take_back_the_first(self) -> None:
        """Once a model has come into service, promote the baseline at the epoch that is read.

        It is promoted again until the outcome is known.
        """
        while not (epoch := await self._epoch()):  # noqa: ASYNC110 - it is polled
            await asyncio.sleep(AGAIN_S)
        key = uuid4().hex
        self.promotes.set()
        for _ in range(ATTEMPTS):
            row = await self._promote(0, epoch, key)
            self.commands.append(row)
            if row.answer != "info":
                self.has_promoted.set()
                return
            await asyncio.sleep(AGAIN_S)

    async def finish(self, commanding: asyncio.Task[None]) -> None:
        """Wait for a command that was given; one that was not is left."""
        if not self.promotes.is_set():
            commanding.cancel()
        await asyncio.gather(commanding, return_exceptions=True)

    def _url(self) -> str:
        return f"{self.address}/v1/streams/{self._stream}"

    async def _epoch(self) -> int:
        while True:
            try:
                response = await self._client.get(self._url())
                if response.status_code == httpx.codes.OK:
                    return int(response.json()["epoch"])
            except httpx.HTTPError:
                pass
            await asyncio.sleep(AGAIN_S)

    async def _promote(self, version: int, epoch: int, key: str) -> CommandRow:
        body, headers = {"version": version, "expected_epoch": epoch}, {"Idempotency-Key": key}
        try:
            response = await self._client.post(f"{self._url()}/promote", json=body, headers=headers)
        except httpx.HTTPError:
            return CommandRow(key, "info", epoch)
        if response.is_success:
            result = response.json()
            return CommandRow(key, "ok", epoch, result["status"], result["epoch"], result["model"])
        return CommandRow(key, "fail" if response.is_client_error else "info", epoch)
