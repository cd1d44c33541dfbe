"""One step of the consumer loop: what was handled in it, and what is to be written of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from penstock.bus.ports import FetchedBatch, RecordBatch, TopicPartition
from penstock.bus.state.unit_state import Changes, State
from penstock.bus.worker.assigned_units import AssignedUnit


@dataclass(frozen=True)
class HandledUnit:
    """What a step came to in one unit: the changes of its state, and the positions that they were reached at.

    `done` are the positions to commit once both outputs and changes are written.
    """

    unit: AssignedUnit
    state: State
    changes: Changes
    positions: Mapping[str, int]
    done: Mapping[TopicPartition, int]
    outputs: Sequence[RecordBatch]

    def was_reset(self) -> bool:
        """Whether the unit was closed since: it will be handled again from what was written."""
        return self.unit.state is not self.state

    def write(self) -> None:
        """Write the changes: the outputs that belong to them were confirmed."""
        self.state.write(self.changes, self.positions)


@dataclass
class Step:
    """Units that were handled together, and the spans that end when their outputs are confirmed.

    A unit is in flight from the moment it is handled on, so that its state stays open.
    """

    units: list[HandledUnit] = field(default_factory=list)
    spans: ExitStack = field(default_factory=ExitStack)

    def add(self, unit: AssignedUnit, batches: Sequence[FetchedBatch], outputs: Sequence[RecordBatch]) -> None:
        """Add a unit's batches and their outputs."""
        if not batches:
            return
        assert unit.state is not None
        assert unit.positions is not None
        unit.in_flight += 1
        done = {(batch.topic, batch.partition): unit.positions[batch.topic] for batch in batches}
        changes = unit.state.take_changes()
        self.units.append(HandledUnit(unit, unit.state, changes, dict(unit.positions), done, outputs))

    def outputs(self) -> list[RecordBatch]:
        """The outputs of all units, in order."""
        return [batch for handled in self.units for batch in handled.outputs]
