"""The predictions that one arm made for the events of a batch, with everything that says where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict
from numpy.typing import NDArray

from penstock.contracts.codecs.prediction_encoder import PredictionDetails, encode_predictions
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import Attribution, PredictionData, ShadowAnswer
from penstock.server.models.arm import Arm


@dataclass(frozen=True)
class PredictionBatch:
    """The predictions of one arm under one epoch for n events: those at `rows` of a batch, or all of it.

    `probabilities` has a row for each event, with columns as in the model's classes.
    """

    arm: Arm
    attribution: Attribution
    values: Sequence[str] | Sequence[float]
    entities: Sequence[str | None]
    probabilities: list[list[float]] | None
    details: PredictionDetails | None = None
    rows: NDArray[np.intp] | None = None

    def data(self) -> list[PredictionData]:
        """The data of each prediction."""
        new_data = partial(PredictionData, **asdict(self.attribution))
        values: Sequence[str | float] = self.values
        details = self.details or PredictionDetails()
        lag_features: Iterable[list[float | None] | UnsetType] = details.lag_features or repeat(UNSET)
        experts: Iterable[list[float] | UnsetType] = details.experts or repeat(UNSET)
        shadows: Iterable[list[ShadowAnswer] | UnsetType] = details.shadow or repeat(UNSET)
        columns = zip(
            values, self.entities, self.probabilities or repeat(None), lag_features, experts, shadows, strict=False
        )
        return [
            new_data(
                value=value, entity=entity, probabilities=row, lag_features=lag_row, experts=expert_row, shadow=shadow
            )
            for value, entity, row, lag_row, expert_row, shadow in columns
        ]

    def records(self, events: Sequence[Event[Any]]) -> list[bytes]:
        """The record of each prediction; `events` are those of the whole batch."""
        return encode_predictions(
            events if self.rows is None else [events[row] for row in self.rows],
            self.attribution,
            self.values,
            self.entities,
            self.probabilities,
            self.details,
        )
