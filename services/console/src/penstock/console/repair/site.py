"""Where records are repaired: a stream of a deployment, its log, and the services that take part."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol

from penstock.bus.ports import Log
from penstock.console.failure import ConsoleFailure
from penstock.console.poll import poll
from penstock.console.record_refusal import RecordRefusal
from penstock.console.services_client import ServicesClient
from penstock.contracts.records.repairs import Repair
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import RECEIVED

FIRST_PAUSE_S, LONGEST_PAUSE_S, ATTEMPTS = 0.005, 0.5, 130
"""The validator is waited for for a minute."""


class RepairSite(Protocol):
    """What a repair needs of a deployment: services on a broker, or all of them in one process."""

    @property
    def log(self) -> Log: ...
    @property
    def namespace(self) -> str: ...
    @property
    def stream(self) -> StreamDeclared: ...

    def now(self) -> datetime:
        """The present time of the services."""

    async def record(self, repair: Repair) -> None:
        """Have the registry keep a step of a repair in the audit log."""

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes]) -> list[RecordRefusal]:
        """Send records to ingestion; the refusals."""

    async def await_validated(self) -> None:
        """Wait until the validator has judged what is on `received` now."""


class LiveSite:
    """A stream of a deployment on a broker, repaired by the user of this process, or by whom `by` names."""

    def __init__(
        self, log: Log, namespace: str, stream: StreamDeclared, services: ServicesClient, by: str | None = None
    ) -> None:
        self.log = log
        self.namespace = namespace
        self.stream = stream
        self._services = services
        self._by = by

    def now(self) -> datetime:
        """The time of this machine."""
        return datetime.now(UTC)

    async def record(self, repair: Repair) -> None:
        """Have the registry keep a step of a repair, in the name of whoever repairs."""
        document = repair.model_dump(mode="json", exclude_defaults=True)
        await self._services.post(f"streams/{self.stream.name}/repairs", document, self._by)

    async def send(self, kind: Literal["event", "label"], bodies: Sequence[bytes]) -> list[RecordRefusal]:
        """Send records to ingestion; the refusals."""
        return await self._services.send_records(self.stream.name, kind, bodies)

    async def await_validated(self) -> None:
        """Wait until the validator's position has reached the ends of `received` as they are now.

        Raises:
            ConsoleFailure: it has not within a minute.
        """
        name, count = RECEIVED.name(self.namespace, self.stream.name), RECEIVED.partitions(self.stream)
        ends = await self.log.end_offsets([(name, number) for number in range(count)])

        async def has_reached() -> bool | None:
            positions = await self.log.committed("validator", list(ends))
            return all(positions.get(key, 0) >= end for key, end in ends.items()) or None

        try:
            await poll(has_reached, FIRST_PAUSE_S, LONGEST_PAUSE_S, ATTEMPTS)
        except TimeoutError as error:
            raise ConsoleFailure(
                f"the validator has not read what {self.stream.name} has received; see: penstock status"
            ) from error
