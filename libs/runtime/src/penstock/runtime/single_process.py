"""Every service in one process on the memory bus, stepped until nothing is left to do: a whole loop in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penstock.bus.follower import Follower
from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.bus.state.state import MemoryStateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.records.streams import Streams
from penstock.runtime.service import Resources, Service
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry, start_telemetry


class VirtualClock:
    """A clock that stands still until it is moved, and never goes back."""

    def __init__(self, milliseconds: int = 0) -> None:
        self._now = milliseconds

    def __call__(self) -> int:
        """Milliseconds since 1970."""
        return self._now

    def advance_to(self, milliseconds: int) -> None:
        """Move on to an instant; an earlier one than now changes nothing."""
        self._now = max(self._now, milliseconds)


@dataclass
class SingleProcess:
    """A deployment in one process. Services are added in the order in which they are to be stepped."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    namespace: str = "penstock"
    telemetry: Telemetry = field(default_factory=lambda: start_telemetry("penstock", environ={}))

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.clock)
        self._followers: list[Follower] = []
        self._workers: list[Worker] = []
        self._holds: dict[str, Callable[[], bool]] = {}

    def resources(self) -> Resources:
        """What one service's wiring is given. Each has its own view of the declarations, as it would elsewhere."""
        streams = Streams()
        return Resources(
            namespace=self.namespace,
            log=self.log,
            streams=streams,
            publisher=Publisher(self.log, self.namespace, streams),
            telemetry=self.telemetry,
            clock=self.clock,
            state_stores=MemoryStateStores(),
            metrics=Metrics(),
        )

    async def add(self, resources: Resources, service: Service) -> None:
        """Take a service in."""
        await self.log.create(control_topics(self.namespace))
        followers: Sequence[Follower] = [resources.follow_streams(), *service.followers]
        for follower in followers:
            await follower.start()
        self._followers += followers
        self._workers += [resources.worker(group) for group in service.groups]

    async def start(self, build: Callable[[Resources], Service]) -> Service:
        """Build a service and take it in."""
        resources = self.resources()
        service = build(resources)
        await self.add(resources, service)
        return service

    def hold(self, group: str, held: Callable[[], bool]) -> None:
        """Let the group's worker be, at each turn at which `held` says so."""
        self._holds[group] = held

    async def settle(self) -> None:
        """Step every follower and every worker that is not held, in turn, until none has anything to do."""
        while await self._round():
            pass

    async def _round(self) -> int:
        done = 0
        for follower in self._followers:
            done += await follower.step(0)
        for worker in self._workers:
            if not self._is_held(worker):
                done += await worker.step(0)
        return done

    def _is_held(self, worker: Worker) -> bool:
        held = self._holds.get(worker.group.name)
        return held is not None and held()

    async def close(self) -> None:
        """Let every service go."""
        for worker in self._workers:
            await worker.close()
        for follower in self._followers:
            await follower.close()
