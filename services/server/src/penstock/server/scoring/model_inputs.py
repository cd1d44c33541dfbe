"""Events as the inputs of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.columns import table_of, times_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.entities import entities_of
from penstock.contracts.records.events import Event
from penstock.ml.features.frame import Frame


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """n events as rows: their fields and their entities."""

    frame: Frame
    entities: Sequence[str | None]
    events: Sequence[Event[Any]]

    @classmethod
    def of(cls, declaration: Declaration, events: Sequence[Event[Any]]) -> ModelInputs:
        """The inputs of n events."""
        table = table_of(declaration, [event.data for event in events])
        frame = Frame.of_table(table, lambda: times_of([event.time for event in events]))
        return cls(frame, entities_of(declaration, events), events)

    def split_keys(self) -> list[str]:
        """The keys by which traffic is split: of each event the entity, else the id."""
        return [
            event.id if entity is None else entity for entity, event in zip(self.entities, self.events, strict=True)
        ]

    def take(self, rows: NDArray[np.intp]) -> ModelInputs:
        """The chosen rows."""
        entities, events = self.entities, self.events
        return ModelInputs(self.frame.take(rows), [entities[row] for row in rows], [events[row] for row in rows])
