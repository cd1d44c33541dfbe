"""What a service is made of, and what it is given to be made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette

from penstock.bus.follower import Follower, TopicFollower
from penstock.bus.ports import Clock, Log
from penstock.bus.publisher import Publisher
from penstock.bus.routes import Group
from penstock.bus.state.state import StateStores
from penstock.bus.worker.worker import Worker
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import STREAMS, Topic
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry


@dataclass(frozen=True)
class Resources:
    """What the runtime hands to a service's wiring: the log, what is declared on it, time, and places for state."""

    namespace: str
    log: Log
    streams: Streams
    publisher: Publisher
    telemetry: Telemetry
    clock: Clock
    state_stores: StateStores
    metrics: Metrics

    def follow(self, topic: Topic[Any], apply: Callable[[Any], None]) -> TopicFollower[Any]:
        """A follower of a control topic."""
        return TopicFollower(self.log, self.namespace, topic, apply)

    def worker(self, group: Group) -> Worker:
        """A member of a group."""
        return Worker(group, self.log, self.namespace, self.streams, self.state_stores, self.telemetry, self.metrics)

    def follow_streams(self) -> TopicFollower[Any]:
        """The follower of the declarations, which every service has."""
        return self.follow(STREAMS, self.streams.apply)


def _nothing_to_say() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Service:
    """A service, ready to run.

    `app` is served on the service's port, beside the health routes. `tasks` run from the start until the service
    stops. `health` adds facts to `/healthz`, such as the epochs that are served.
    """

    groups: Sequence[Group] = ()
    followers: Sequence[Follower] = ()
    app: Starlette | None = None
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    health: Callable[[], dict[str, Any]] = _nothing_to_say
