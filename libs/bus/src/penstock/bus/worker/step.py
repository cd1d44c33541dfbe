"""One step of the consumer loop: what was handled in it, and what is to be written of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from penstock.bus.ports import FetchedBatch, RecordBatch, TopicPartition
from penstock.bus.state.unit_state import Changes, State
from penstock.bus.worker.assigned_units import AssignedUnit


@dataclass(frozen=True)
class UnitChanges:
    """The changes of a unit's state, to be written with the positions they were reached at."""

    unit: AssignedUnit
    state: State
    changes: Changes
    positions: Mapping[str, int]

    def write(self) -> None:
        """Write them: the outputs that belong to them were confirmed."""
        self.state.write(self.changes, self.positions)
        self.unit.in_flight -= 1


@dataclass
class Step:
    """Batches that were handled, the outputs of all of them, and spans that end when those are confirmed.

    A unit is in flight from the moment it is handled on, so that its state stays open.
    """

    handled: list[tuple[AssignedUnit, FetchedBatch]] = field(default_factory=list)
    outputs: list[RecordBatch] = field(default_factory=list)
    spans: ExitStack = field(default_factory=ExitStack)

    def add(self, unit: AssignedUnit, batches: Sequence[FetchedBatch], outputs: Sequence[RecordBatch]) -> None:
        """Add a unit's batches and their outputs."""
        if not batches:
            return
        unit.in_flight += 1
        self.handled += [(unit, batch) for batch in batches]
        self.outputs += outputs

    def take_changes(self) -> list[UnitChanges]:
        """The changes of the units in this step."""
        changes = []
        for unit in dict.fromkeys(unit for unit, _ in self.handled):
            assert unit.state is not None
            changes.append(UnitChanges(unit, unit.state, unit.state.take_changes(), dict(unit.positions or {})))
        return changes

    def positions(self) -> dict[TopicPartition, int]:
        """Up to where the topic partitions in this step are done."""
        return {
            (batch.topic, batch.partition): unit.positions[batch.topic]
            for unit, batch in self.handled
            if unit.positions is not None and batch.topic in unit.positions
        }
