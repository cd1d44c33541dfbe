"""Events and labels: what producers say. CloudEvents 1.0 in JSON format, the `type` tells them apart."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.contracts.declaration.stream import Declaration, FieldDeclaration

Text = Annotated[str, Meta(min_length=1, max_length=512)]
Zoned = Annotated[datetime, Meta(tz=True)]
D = TypeVar("D")

EVENT_TYPE = "penstock.event.v1"
LABEL_TYPE = "penstock.label.v1"


class Event(Struct, Generic[D], tag_field="type", tag=EVENT_TYPE, kw_only=True):
    """Something happened and wants an answer. `data` holds the declared fields.

    `answer` is the sealed answer that HTTP predict already gave; the scorer records it instead of computing one. So it
    does with a `prediction` made elsewhere, by the model's `modelversion`, of a stream whose model is declared external.

    An event that brings its `label`, known since `labeltime` (unless said, the event's own), is history: nobody wants an
    answer to it, and it becomes an outcome marked `imported`.
    """

    specversion: Literal["1.0"] = "1.0"
    source: Text
    id: Text
    time: Zoned
    data: D
    answer: str | UnsetType = UNSET
    prediction: str | float | bool | UnsetType = UNSET
    modelversion: Text | UnsetType = UNSET
    label: str | float | bool | UnsetType = UNSET
    labeltime: Zoned | UnsetType = UNSET

    @property
    def is_history(self) -> bool:
        """Whether it brings its label."""
        return self.label is not UNSET


class LabelData(Struct, kw_only=True):
    """The truth about one event, named by `(event_source, entity, event_id)`; the highest revision counts."""

    event_id: Text
    event_source: Text
    value: str | float | bool
    revision: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    entity: Text | None = None


class Label(Struct, tag_field="type", tag=LABEL_TYPE, kw_only=True):
    """An outcome became known at `time`."""

    specversion: Literal["1.0"] = "1.0"
    source: Text
    id: Text
    time: Zoned
    data: LabelData


_PYTHON_TYPES: dict[str, Any] = {"number": float, "integer": float, "boolean": bool, "category": str}


def _field_type(field: FieldDeclaration) -> Any:
    kind: Any = _PYTHON_TYPES[field.type]
    if field.type == "category" and field.categories and field.outside == "refuse":
        kind = Literal[tuple(field.categories)]  # checked while decoding, at no further cost
    return kind if field.missing == "refuse" else kind | None


@lru_cache(maxsize=1024)
def _data_type(shape: tuple[tuple[str, FieldDeclaration], ...], extra: str) -> type[Struct]:
    names = {name: f"f{number}" for number, (name, _) in enumerate(shape)}
    members: list[Any] = [
        (names[name], _field_type(field)) if field.missing == "refuse" else (names[name], _field_type(field), None)
        for name, field in shape
    ]
    return msgspec.defstruct(
        "Data",
        members,
        rename={attribute: name for name, attribute in names.items()},
        kw_only=True,
        forbid_unknown_fields=extra == "refuse",
    )


def data_type(declaration: Declaration) -> type[Struct]:
    """The struct of the stream's payload: attribute `f0, f1, …` per declared field, in declared order."""
    return _data_type(_shape(declaration), declaration.extra)


def _shape(declaration: Declaration) -> tuple[tuple[str, FieldDeclaration], ...]:
    return tuple(declaration.fields.items())
