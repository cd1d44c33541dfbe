"""Outcomes: event, prediction and label joined. The dataset of everything that learns or judges."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Generic, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType

from penstock.contracts.records.events import Text, Zoned
from penstock.contracts.records.predictions import PredictionData

OUTCOME_TYPE = "penstock.outcome.v1"
OUTCOME_SUFFIX = "#outcome"
D = TypeVar("D")


class OutcomeData(Struct, Generic[D], kw_only=True):
    """What was known (`fields`), what was answered, what turned out to be true and when that was said.

    `status` is `joined`, `expired` when no label came within the horizon (`label` is then null), or `imported` for
    history that came with its label: nobody asked, so there is no prediction, and no score may count it.
    """

    fields: D
    prediction: PredictionData | UnsetType = UNSET
    label: str | float | None
    revision: int
    label_time: Zoned | None
    status: Literal["joined", "expired", "imported"]
    entity: str | None = None

    @property
    def answer(self) -> PredictionData:
        """What was answered; only history has no answer."""
        if isinstance(self.prediction, UnsetType):
            raise LookupError("nobody asked: this outcome is imported history")
        return self.prediction


class Outcome(Struct, Generic[D], tag_field="type", tag=OUTCOME_TYPE, kw_only=True):
    """The outcome of the event of the same source (without `#outcome`) and id; `time` is the event's."""

    specversion: Literal["1.0"] = "1.0"
    source: Text
    id: Text
    time: Zoned
    data: OutcomeData[D]


@lru_cache(maxsize=1024)
def outcome_type(fields: type[Struct]) -> Any:
    """`Outcome` over a stream's payload struct."""
    return Outcome[fields]  # type: ignore[valid-type]
