"""A deployment on a broker, as a replay uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal

import httpx

from penstock.bus.kafka.log import Connection, KafkaLog
from penstock.console.deployment import Deployment as Running
from penstock.console.replay.history_import import Reason, Refused
from penstock.console.replay.quiet import Quiet
from penstock.console.replay.stream_watch import StreamWatch
from penstock.console.services_client import Requests
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES


class LiveDeployment:
    """Services on a broker: records go in over HTTP, answers are read from the log."""

    def __init__(self, log: KafkaLog, running: Running, watch: StreamWatch, requests: Requests) -> None:
        self.watch = watch
        self.requests = requests
        self._stream = watch.stream.name
        self._quiet = Quiet(log, running.namespace, watch.stream, self._serves_newest)
        self._children = [running.url("server"), _stream_child(running)]
        self._client = httpx.AsyncClient(timeout=10.0, trust_env=False)
        self._log = log
        self._outcomes = (OUTCOMES.name(running.namespace, self._stream), 0)
        self._served: tuple[int, int] | None = None

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime) -> int:
        """Hand records in over HTTP; the stream's own times are in them, so `now` is not needed here."""
        del now
        return await self.requests.hand_in(self._stream, kind, bodies, {})

    async def bring(self, events: Sequence[bytes], now: datetime) -> list[Refused]:
        """Hand history in over HTTP; what was refused."""
        del now
        refused = await self.requests.refused_of(self._stream, "event", events, {})
        return [Refused(one["index"], Reason(one["code"], one["field"] or "", one["detail"])) for one in refused]

    async def proceed(self) -> None:
        """The services work by themselves."""

    async def tell_imported(self, outcomes: int, detail: str) -> None:
        """Tell the registry that history was imported."""
        await self.requests.tell_imported(self._stream, outcomes, detail)

    async def answered(self, ids: Sequence[str]) -> None:
        """Wait until each id has its prediction or rejection on the log."""
        await self.watch.look()
        while self.watch.unanswered(ids):
            await self.watch.look(0.5)

    async def quiet(self) -> None:
        """Wait until nothing is left to do."""
        await self._quiet.wait()

    async def learning_seconds(self) -> float:
        """CPU seconds that the server's children have spent on learning."""
        states = await asyncio.gather(*(self._state(child) for child in self._children))
        return float(sum(state.get("learning_seconds", 0.0) for state in states if state is not None))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self.watch.close()
        await self.requests.close()

    async def _serves_newest(self) -> bool:
        """Whether every child of the server names the newest epoch, or that it refused its model, and has learnt all."""
        await self.watch.look()
        newest = (self.watch.epoch, await self._learnable())
        if self._served == newest:
            return True
        states = await asyncio.gather(*(self._state(child) for child in self._children))
        if all(state is not None and _is_at(state, self._stream, *newest) for state in states):
            self._served = newest
        return self._served == newest

    async def _learnable(self) -> int:
        """How many outcomes a champion that goes on learning has to have folded."""
        if not self.watch.stream.declaration.learns:
            return 0
        return (await self._log.ends([self._outcomes])).get(self._outcomes, 0)

    async def _state(self, child: str) -> dict[str, Any] | None:
        try:
            state: dict[str, Any] = (await self._client.get(f"{child}/healthz")).json()
        except (httpx.TransportError, ValueError):
            return None
        return state


def _stream_child(running: Running) -> str:
    return f"http://127.0.0.1:{running.ports['server-stream']}"


def _is_at(state: dict[str, Any], stream: str, epoch: int, learnable: int) -> bool:
    return _names(state, stream, epoch) and bool(state.get("learnt_to", {}).get(stream, learnable) >= learnable)


def _names(state: dict[str, Any], stream: str, epoch: int) -> bool:
    serving = state.get("epochs", {}).get(stream)
    refused = state.get("refused", {}).get(stream)
    return serving == epoch or (isinstance(refused, dict) and refused.get("epoch") == epoch)


@asynccontextmanager
async def live_deployment(running: Running, stream: StreamDeclared) -> AsyncIterator[LiveDeployment]:
    """The running deployment, connected for one stream that was applied before."""
    log = KafkaLog(Connection(running.bootstrap), running.namespace, "console")
    watch = StreamWatch(log, running.namespace, stream)
    deployment = LiveDeployment(log, running, watch, Requests(running.url("ingestion"), running.url("registry")))
    try:
        await watch.start()
        yield deployment
    finally:
        await deployment.close()
        await log.close()
