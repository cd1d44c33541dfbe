"""A service's parts, and the resources that its wiring builds them from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from starlette.applications import Starlette

from penstock.bus.errors import suppress_transient
from penstock.bus.follower import Follower, TopicFollower
from penstock.bus.kafka.log import KafkaLog
from penstock.bus.memory.log import system_clock
from penstock.bus.ports import Clock, Log
from penstock.bus.publisher import Publisher
from penstock.bus.routes import Group
from penstock.bus.state.unit_state import StateStores
from penstock.bus.worker.worker import Worker
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import STREAMS, Topic
from penstock.runtime.settings import ServiceSettings, SettingsError
from penstock.telemetry.environment import BadTelemetrySetting
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry, start_telemetry


@dataclass(frozen=True)
class Resources:
    """What a service's wiring is given: the log, the declared streams, a clock, state stores, telemetry.

    `is_new_version` tells workers to doubt the service sooner than its records.
    """

    namespace: str
    log: Log
    streams: Streams
    publisher: Publisher
    telemetry: Telemetry
    clock: Clock
    state_stores: StateStores
    metrics: Metrics
    is_new_version: bool = False

    @classmethod
    def connect(
        cls,
        name: str,
        settings: ServiceSettings,
        state_stores: StateStores,
        metrics: Metrics,
        *,
        is_new_version: bool = False,
    ) -> Self:
        """Resources on the Kafka cluster of the settings.

        Raises:
            SettingsError: a setting of OpenTelemetry is wrong.
        """
        kafka = KafkaLog(settings.connection(), settings.namespace, name, settings.kafka_replication_factor)
        streams = Streams()
        return cls(
            namespace=settings.namespace,
            log=kafka,
            streams=streams,
            publisher=Publisher(kafka, settings.namespace, streams, metrics),
            telemetry=_telemetry(name),
            clock=system_clock,
            state_stores=state_stores,
            metrics=metrics,
            is_new_version=is_new_version,
        )

    async def close(self) -> None:
        """Wait for what is being written, and disconnect."""
        await suppress_transient(self.publisher.close())
        await self.log.close()
        self.telemetry.shutdown()

    def follow(self, topic: Topic[Any], apply: Callable[[Any], None]) -> TopicFollower[Any]:
        """A follower of a control topic."""
        return TopicFollower(self.log, self.namespace, topic, apply)

    def worker(self, group: Group) -> Worker:
        """A member of a group."""
        return Worker(
            group,
            self.log,
            self.namespace,
            self.streams,
            self.state_stores,
            self.telemetry,
            self.metrics,
            is_new_version=self.is_new_version,
        )

    def follow_streams(self) -> TopicFollower[Any]:
        """The follower of the declared streams, which every service has."""
        return self.follow(STREAMS, self.streams.apply)


def _telemetry(name: str) -> Telemetry:
    try:
        return start_telemetry(f"penstock-{name}")
    except BadTelemetrySetting as error:
        raise SettingsError(str(error)) from error


def _no_facts() -> dict[str, Any]:
    return {}


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Service:
    """A service, ready to run.

    `app` is served on the service's port, beside the health routes. `tasks` run from the start until the service
    stops. `health` adds facts to `/healthz`, such as the epochs that are served, and `failures` what it cannot work on
    for now, and why, beside its groups and followers; `waits_for` is asked what the service
    waits for before it can do its work, once its followers and tasks have started. `close` is called when all of them
    have ended.
    """

    groups: Sequence[Group] = ()
    followers: Sequence[Follower] = ()
    app: Starlette | None = None
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    health: Callable[[], dict[str, Any]] = _no_facts
    failures: Callable[[], dict[str, str]] = _no_facts
    waits_for: Callable[[], Sequence[str]] = tuple
    close: Callable[[], None] = _nothing
