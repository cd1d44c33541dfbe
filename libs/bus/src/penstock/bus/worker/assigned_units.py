"""The units that a member is assigned: each is opened at its first record, and few of their stores at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from penstock.bus.errors import StateBehind
from penstock.bus.ports import FetchedBatch, TopicPartition
from penstock.bus.routes import Group, Route, Unit
from penstock.bus.state.unit_state import MemoryStateStore, State, StateStore, StateStores
from penstock.bus.unit_assignment import unit_of
from penstock.bus.worker.dead_letters import DeadLetterLimit
from penstock.bus.worker.unit_failure import UnitFailure

MAX_OPEN_STORES = 64  # of some 7 files each
PREPARED_WITHIN = 0.05  # seconds that the others wait while it is looked up whether a state is up to date


@dataclass(eq=False)
class AssignedUnit:
    """A unit that this member owns.

    Attributes:
        topic_partitions: those of the unit that are assigned.
        positions: the next offsets to handle by topic, whether or not they are written yet; None as long as its state
            was not looked at.
        preparation: the look for a newer checkpoint of its state, and its fetching, before it is opened.
        state, routes: its state and its handlers while it is open.
        in_flight: how many of its batches are being written.
        failure, failing_since: why nothing of it is fetched for now, and since when.
        last_pause: seconds of the pause before its last try; 0 since something of it was written.
        pending: what was fetched of it and could not be handled, in order.
    """

    unit: Unit
    topic_partitions: set[TopicPartition] = field(default_factory=set)
    positions: dict[str, int] | None = None
    preparation: asyncio.Future[None] | None = None
    state: State | None = None
    routes: Mapping[str, Route] | None = None
    in_flight: int = 0
    failure: UnitFailure | None = None
    failing_since: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_pause: float = 0.0
    pending: deque[FetchedBatch] = field(default_factory=deque)
    dead_letter_limit: DeadLetterLimit = field(default_factory=DeadLetterLimit)

    def is_paused(self, now: float) -> bool:
        """Whether nothing of it shall be fetched: what was is to be tried first, or its time has not come."""
        return self.failure is not None and (self.failure.retry_at > now or self._has_work)

    def is_due(self, now: float) -> bool:
        """Whether it is to be opened, or what was fetched of it to be handled, once more."""
        return self.failure is not None and self.failure.retry_at <= now and self._has_work

    @property
    def _has_work(self) -> bool:
        return bool(self.pending) or self.positions is None

    def return_to(self, positions: dict[str, int]) -> None:
        """Undo a batch that failed: back to the positions and the state before it, with handlers anew."""
        self.positions = positions
        self.routes = None
        if self.state is not None:
            self.state.discard_changes()

    def close(self) -> None:
        """Close its state; what is not written is dropped."""
        state, self.state, self.routes = self.state, None, None
        if state is not None:
            state.close()


class AssignedUnits:
    """The units of a group that one member is assigned.

    A stateful unit stays open over a rebalance that leaves it here: it is closed once the new assignment does not have
    it. Others are opened anew, from what the group has committed.
    """

    def __init__(self, group: Group, namespace: str, state_stores: StateStores) -> None:
        self._group = group
        self._namespace = namespace
        self._state_stores = state_stores
        self._units: dict[Unit, AssignedUnit] = {}
        self._revoked: set[Unit] = set()
        self._failing: dict[Unit, AssignedUnit] = {}  # of the session before
        self._open: dict[Unit, AssignedUnit] = {}  # those with a store, the least recently used first

    def __iter__(self) -> Iterator[AssignedUnit]:
        """Those that are assigned."""
        return iter(self._units.values())

    def __len__(self) -> int:
        """How many are assigned."""
        return len(self._units)

    def of(self, topic: str, partition: int) -> AssignedUnit | None:
        """The unit of a topic partition; None when it is not assigned."""
        unit = self._units.get(unit_of(topic, partition, self._namespace))
        return unit if unit is not None and unit.unit not in self._revoked else None

    def assign(self, topic_partitions: Collection[TopicPartition]) -> list[AssignedUnit]:
        """Add topic partitions, and close the units that were revoked and are not assigned again."""
        assigned = []
        for key in topic_partitions:
            unit = unit_of(*key, self._namespace)
            if unit not in self._units:
                self._units[unit] = self._failing.pop(unit) if unit in self._failing else AssignedUnit(unit)
            self._units[unit].topic_partitions.add(key)
            self._revoked.discard(unit)
            assigned.append(self._units[unit])
        self._remove([unit for unit in self._revoked if not self._units[unit].topic_partitions])
        self._revoked.clear()
        return assigned

    def revoke(self, topic_partitions: Collection[TopicPartition]) -> None:
        """Take topic partitions away. What was fetched of their units and not handled will be fetched again."""
        for key in topic_partitions:
            assigned = self._units.get(unit_of(*key, self._namespace))
            if assigned is not None:
                assigned.topic_partitions.discard(key)
                assigned.pending.clear()
                if not assigned.topic_partitions:
                    self._revoked.add(assigned.unit)
                    self._release(assigned)

    def _release(self, assigned: AssignedUnit) -> None:
        """Let go of what another member may change meanwhile: a state's store is locked, so it stays as it is."""
        if not self._group.stateful:
            assigned.close()
            assigned.positions = None

    @property
    def are_full(self) -> bool:
        """Whether as many stores are open as may be, and none of them is idle."""
        return len(self._open) >= MAX_OPEN_STORES and not self._idle()

    async def open(self, assigned: AssignedUnit) -> bool:
        """Open a unit's state, off the event loop, and its handlers; whether it stands elsewhere than was known.

        Raises:
            StateBehind: its newest checkpoint is being fetched first.
            TransientError: the state cannot be opened.
            Exception: whatever the group's handlers raise from it.
        """
        moved = await self._open_state(assigned)
        if assigned.routes is None:
            assert assigned.state is not None
            routes = self._group.open(assigned.unit, assigned.state)
            assigned.routes = {route.topic.short_name: route for route in routes}
        return moved

    async def _open_state(self, assigned: AssignedUnit) -> bool:
        """Open the state unless it is; whether it stands elsewhere than what was known of it."""
        if assigned.state is not None:
            if self._group.stateful:
                self._open[assigned.unit] = self._open.pop(assigned.unit)
            return False
        assigned.state = State(await self._open_store(assigned))
        if not self._group.stateful:
            assigned.positions = assigned.positions or {}
            return False
        before, assigned.positions = assigned.positions, assigned.state.positions()
        return before != assigned.positions

    async def _open_store(self, assigned: AssignedUnit) -> StateStore:
        if not self._group.stateful:
            return MemoryStateStore()
        if assigned.positions is None:
            await self._prepare(assigned)
        await self._close_least_recently_used()
        store = await self._state_stores.run(partial(self._state_stores.open, self._group.name, *assigned.unit))
        self._open[assigned.unit] = assigned
        return store

    async def _prepare(self, assigned: AssignedUnit) -> None:
        """Have its state brought up to date; what takes longer than a look goes on beside the loop."""
        assigned.preparation = assigned.preparation or self._state_stores.prepare(self._group.name, *assigned.unit)
        if assigned.preparation is None:
            return
        done, _ = await asyncio.wait({assigned.preparation}, timeout=PREPARED_WITHIN)
        if not done:
            raise StateBehind("its state is being brought up to the newest checkpoint")
        preparation, assigned.preparation = assigned.preparation, None
        preparation.result()

    async def _close_least_recently_used(self) -> None:
        """Close stores off the event loop, for it takes as long as opening one."""
        for oldest in self._idle()[: max(0, len(self._open) + 1 - MAX_OPEN_STORES)]:
            del self._open[oldest.unit]
            await self._state_stores.run(oldest.close)

    def _idle(self) -> list[AssignedUnit]:
        return [unit for unit in self._open.values() if not unit.in_flight and unit.failure is None]

    def reset(self, assigned: AssignedUnit) -> None:
        """Close a unit whose state does not have all that was handled: it is to go on from what the state has."""
        self._close(assigned)
        assigned.positions = None
        assigned.pending.clear()

    def close_state(self, assigned: AssignedUnit) -> None:
        """Close the state of a unit of which nothing is in flight: where it stands is looked up when it is opened."""
        if self._group.stateful:
            self._close(assigned)
            assigned.positions = None

    def close(self) -> None:
        """Close all; none is assigned any more. Those that fail are remembered until they are assigned again."""
        self._failing = {unit: assigned for unit, assigned in self._units.items() if assigned.failure is not None}
        for assigned in self._failing.values():
            self.reset(assigned)
            assigned.topic_partitions.clear()
            assigned.in_flight = 0
        self._remove(list(self._units))
        self._revoked.clear()

    def _remove(self, units: Iterable[Unit]) -> None:
        for unit in units:
            self._close(self._units.pop(unit))

    def _close(self, assigned: AssignedUnit) -> None:
        self._open.pop(assigned.unit, None)
        assigned.close()
