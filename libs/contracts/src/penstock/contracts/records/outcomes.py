"""Outcomes: event, prediction and label joined. What models are trained on, and what quality is computed from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Generic, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType

from penstock.contracts.records.events import DerivedSource, Identifier, Timestamp
from penstock.contracts.records.predictions import PredictionData

OUTCOME_TYPE = "penstock.outcome.v1"
OUTCOME_SUFFIX = "#outcome"
D = TypeVar("D")


class OutcomeData(Struct, Generic[D], kw_only=True):
    """The event's `fields`, its prediction, its label, and when the label became known.

    `status` is `joined`, or `expired` when no label came within the horizon (`label` is then null), or `imported` for
    history that came with its label: such an outcome has no prediction, and no score counts it.
    """

    fields: D
    prediction: PredictionData | UnsetType = UNSET
    label: str | float | None
    revision: int
    label_time: Timestamp | None
    status: Literal["joined", "expired", "imported"]
    entity: str | None = None

    @property
    def answer(self) -> PredictionData:
        """The prediction.

        Raises:
            LookupError: the outcome is imported history, which has none.
        """
        if isinstance(self.prediction, UnsetType):
            raise LookupError("this outcome is imported history, which has no prediction")
        return self.prediction


class Outcome(Struct, Generic[D], tag_field="type", tag=OUTCOME_TYPE, kw_only=True):
    """The outcome of the event of the same id. `source` is the event's with `#outcome`, `time` the event's own.

    Of several outcomes of an event the first by offset says how it ended. After a joined one those of a higher revision
    are corrections; all else is repeated work, and counts nowhere.
    """

    specversion: Literal["1.0"] = "1.0"
    source: DerivedSource
    id: Identifier
    time: Timestamp
    data: OutcomeData[D]


@lru_cache(maxsize=1024)
def outcome_type(payload: type[Struct]) -> Any:
    """`Outcome` over a stream's payload struct."""
    return Outcome[payload]  # type: ignore[valid-type]
