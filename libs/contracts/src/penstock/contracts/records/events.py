"""Events and labels: what producers send. CloudEvents 1.0 in JSON format, told apart by their `type`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.contracts.input_bounds import LONGEST_DERIVED_SOURCE

Identifier = Annotated[str, Meta(min_length=1, max_length=512)]
DerivedSource = Annotated[str, Meta(min_length=1, max_length=LONGEST_DERIVED_SOURCE)]
Timestamp = Annotated[datetime, Meta(tz=True)]
D = TypeVar("D")

EVENT_TYPE = "penstock.event.v1"
LABEL_TYPE = "penstock.label.v1"


class Event(Struct, Generic[D], tag_field="type", tag=EVENT_TYPE, kw_only=True):
    """One case to be predicted. `data` holds the fields that the stream declares, `time` is when it happened.

    `answer` is set on an event that HTTP predict has answered: the prediction, sealed with a MAC. The server records
    that prediction instead of computing one. On a stream whose model is declared external, events carry their
    `prediction`, in `modelversion` the version of the model that made it, and perhaps the `probabilities` of the
    classes, by class or in declared order; that is recorded likewise. Where attributes are text, `probabilities` is
    the JSON of either.

    An event with a `label` is imported history: it is not predicted, and becomes an outcome with the status
    `imported`. `labeltime` is when the label became known; without it, the time of the event.
    """

    specversion: Literal["1.0"] = "1.0"
    source: Identifier
    id: Identifier
    time: Timestamp
    data: D
    answer: str | UnsetType = UNSET
    prediction: str | float | bool | UnsetType = UNSET
    modelversion: Identifier | UnsetType = UNSET
    probabilities: dict[str, float] | list[float] | str | UnsetType = UNSET
    label: str | float | bool | UnsetType = UNSET
    labeltime: Timestamp | UnsetType = UNSET

    @property
    def is_history(self) -> bool:
        """Whether it carries its label."""
        return self.label is not UNSET


class LabelData(Struct, kw_only=True):
    """The true value of the event `(event_source, entity, event_id)`; the highest revision counts."""

    event_id: Identifier
    event_source: Identifier
    value: str | float | bool
    revision: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    entity: Identifier | None = None


class Label(Struct, tag_field="type", tag=LABEL_TYPE, kw_only=True):
    """The true value of an earlier event, which became known at `time`."""

    specversion: Literal["1.0"] = "1.0"
    source: Identifier
    id: Identifier
    time: Timestamp
    data: LabelData
