"""A unit that a member owns: its state, its routes, and how far it was handled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.bus.routes import Group, Route, Unit
from penstock.bus.state.unit_state import MemoryStateStore, State, StateStores
from penstock.bus.worker.dead_letters import DeadLetterLimit


@dataclass
class OpenUnit:
    """An open unit; `positions` are the next offsets to handle by topic, whether or not they are written yet."""

    unit: Unit
    state: State
    routes: Mapping[str, Route]
    dead_letter_limit: DeadLetterLimit = field(default_factory=DeadLetterLimit)
    positions: dict[str, int] = field(default_factory=dict)


def open_unit(group: Group, unit: Unit, state_stores: StateStores) -> OpenUnit:
    """Open a unit of the group with its state, at the positions of the state."""
    store = state_stores.open(group.name, *unit) if group.stateful else MemoryStateStore()
    state = State(store)
    routes = {route.topic.short_name: route for route in group.open(unit, state)}
    return OpenUnit(unit, state, routes, positions=state.positions())
