"""Services in one process on the memory log, stepped until nothing is left to do: a whole loop in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penstock.bus.follower import Follower
from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.bus.state.unit_state import MemoryStateStores, StateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.records.streams import Streams
from penstock.runtime.service import Resources, Service
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import Telemetry, start_telemetry


class VirtualClock:
    """A clock that stands still until it is advanced, and never goes back."""

    def __init__(self, milliseconds: int = 0) -> None:
        self._now = milliseconds

    def __call__(self) -> int:
        """Milliseconds since 1970."""
        return self._now

    def advance_to(self, milliseconds: int) -> None:
        """Advance to an instant; an earlier one than now changes nothing."""
        self._now = max(self._now, milliseconds)


@dataclass
class SingleProcess:
    """A deployment in one process. Services are stepped in the order in which they were added.

    `state_stores` makes the stores of one service: by default in memory, where they grow with what it remembers.
    """

    clock: VirtualClock = field(default_factory=VirtualClock)
    namespace: str = "penstock"
    telemetry: Telemetry = field(default_factory=lambda: start_telemetry("penstock", environ={}))
    state_stores: Callable[[], StateStores] = MemoryStateStores

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.clock)
        self._followers: list[Follower] = []
        self._workers: list[Worker] = []
        self._pauses: dict[str, Callable[[], bool]] = {}

    def resources(self) -> Resources:
        """The resources of one service. Each has its own view of the declarations, as in a process of its own."""
        streams, metrics = Streams(), Metrics()
        return Resources(
            namespace=self.namespace,
            log=self.log,
            streams=streams,
            publisher=Publisher(self.log, self.namespace, streams, metrics),
            telemetry=self.telemetry,
            clock=self.clock,
            state_stores=self.state_stores(),
            metrics=metrics,
        )

    async def add(self, resources: Resources, service: Service) -> None:
        """Add a service."""
        await self.log.create(control_topics(self.namespace))
        followers: Sequence[Follower] = [resources.follow_streams(), *service.followers]
        for follower in followers:
            await follower.start()
        self._followers += followers
        self._workers += [resources.worker(group) for group in service.groups]

    async def start(self, build: Callable[[Resources], Service]) -> Service:
        """Build a service and add it."""
        resources = self.resources()
        service = build(resources)
        await self.add(resources, service)
        return service

    def pause_while(self, group: str, condition: Callable[[], bool]) -> None:
        """Do not step the group's worker while `condition` is true."""
        self._pauses[group] = condition

    async def run_until_quiet(self) -> None:
        """Step every follower and every worker that is not paused, in turn, until none has anything to do.

        Raises:
            Exception: what a unit failed at; in one process nobody would wait for its next try.
        """
        while await self._step_all():
            pass

    async def _step_all(self) -> int:
        """How many records were read."""
        records = 0
        for follower in self._followers:
            records += await follower.step(0)
        for worker in self._workers:
            if not self._is_paused(worker):
                records += await worker.step(0)
                worker.raise_unit_error()
        return records

    def _is_paused(self, worker: Worker) -> bool:
        condition = self._pauses.get(worker.group.name)
        return condition is not None and condition()

    async def close(self) -> None:
        """Close every worker and follower, and the log."""
        for worker in self._workers:
            await worker.close()
        for follower in self._followers:
            await follower.close()
        await self.log.close()
