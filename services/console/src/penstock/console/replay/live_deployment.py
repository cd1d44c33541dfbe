"""A deployment on a broker, connected for one stream: records are sent over HTTP, and read back from the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal

import httpx

from penstock.console.deployment import Deployment
from penstock.console.log_client import open_log
from penstock.console.record_refusal import RecordRefusal
from penstock.console.replay.server_state import ServerState
from penstock.console.replay.wait_until_quiet import HandledCheck, QuietCheck
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.console.services_client import ServicesClient, open_services
from penstock.contracts.records.streams import StreamDeclared

HEALTH_TIMEOUT_S = 10.0
ANSWER_WAIT_S = 1.0  # without a record; then it is looked whether there can be one


class LiveDeployment:
    """A stream of a deployment on a broker: `watch` follows it on the log, `services` sends to it over HTTP."""

    def __init__(
        self,
        watch: StreamWatch,
        services: ServicesClient,
        server: ServerState,
        quiet: QuietCheck,
        handled: HandledCheck,
    ) -> None:
        self.watch = watch
        self.services = services
        self._stream = watch.stream.name
        self._server = server
        self._quiet = quiet
        self._handled = handled

    async def send(
        self, kind: Literal["event", "label"], bodies: Sequence[bytes], now: datetime
    ) -> list[RecordRefusal]:
        """Send records; the refusals. The records carry the stream's times, so `now` is not needed."""
        del now
        return await self.services.send_records(self._stream, kind, bodies)

    async def run_pending(self) -> None:
        """Nothing to do: the services run by themselves."""

    async def report_import(self, outcomes: int, detail: str) -> None:
        """Report to the registry that history was imported, with which the stream has so many outcomes."""
        await self.services.report_import(self._stream, outcomes, detail)

    async def await_answers(self, ids: Sequence[str]) -> None:
        """Wait until each of the events has its prediction or rejection on the log, or gets none any more."""
        while self.watch.unanswered(ids):
            if not await self.watch.poll(ANSWER_WAIT_S):
                await self.await_handled()
                return

    async def await_handled(self) -> None:
        """Wait until the services have handled what is on the log now, and what they wrote of it."""
        await self._handled.wait()
        await self.watch.read_to_end()

    async def await_quiet(self) -> None:
        """Wait until the stream is quiet."""
        await self._quiet.wait()

    async def learning_seconds(self) -> float:
        """The CPU seconds that the server has spent on learning from outcomes."""
        return await self._server.learning_seconds()


@asynccontextmanager
async def live_deployment(deployment: Deployment, stream: StreamDeclared) -> AsyncIterator[LiveDeployment]:
    """The running deployment, connected for a declared stream for the length of the block."""
    async with (
        open_log(deployment) as kafka_log,
        open_services(deployment) as services,
        httpx.AsyncClient(timeout=HEALTH_TIMEOUT_S, trust_env=False) as client,
    ):
        watch = StreamWatch(kafka_log, deployment.namespace, stream)
        server = ServerState(client, deployment, watch, kafka_log)
        quiet = QuietCheck(kafka_log, deployment.namespace, stream, server.serves_newest)
        handled = HandledCheck(kafka_log, deployment.namespace, stream)
        try:
            await watch.start()
            yield LiveDeployment(watch, services, server, quiet, handled)
        finally:
            await watch.close()
