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
    """n events as rows: their fields, their entities, and the keys by which traffic is split."""

    frame: Frame
    entities: Sequence[str | None]
    split_keys: Sequence[str]

    @classmethod
    def of(cls, declaration: Declaration, events: Sequence[Event[Any]]) -> ModelInputs:
        """The inputs of n events. Traffic is split by the entity, else by the event's id."""
        entities = entities_of(declaration, events)
        split_keys = [event.id if entity is None else entity for entity, event in zip(entities, events, strict=True)]
        table = table_of(declaration, [event.data for event in events])
        frame = Frame.of_table(table, lambda: times_of([event.time for event in events]))
        return cls(frame, entities, split_keys)

    def take(self, rows: NDArray[np.intp]) -> ModelInputs:
        """The chosen rows."""
        entities, split_keys = self.entities, self.split_keys
        return ModelInputs(self.frame.take(rows), [entities[row] for row in rows], [split_keys[row] for row in rows])
