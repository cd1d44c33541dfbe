"""What can be said of a record by looking at it alone: the one check of ingestion, validator and HTTP predict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from penstock.contracts.columns import columns_of
from penstock.contracts.declaration.stream import Declaration, FieldDeclaration
from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal

LARGEST_SKEW = timedelta(hours=1)  # how far ahead of its log-append time an event may claim to be
LARGEST_INTEGER = 2.0**53  # beyond it a float64 no longer tells neighbours apart
LONGEST_ENTITY = 512  # characters, as of any id: a label must be able to name it

_UNFIT_FOR_ID = re.compile(r"[/\\\s\x00-\x1f\x7f]")


def check_events(declaration: Declaration, events: Sequence[Event[Any]], now: datetime) -> dict[int, Refusal]:
    """The refusals among `events`, by their place; `now` is when the log took them in."""
    found = _faults(declaration, events)
    latest = now + LARGEST_SKEW
    if not _are_sound(declaration, events, latest):
        for place, event in enumerate(events):
            fault = _envelope_fault(event, latest) or _entity_fault(declaration, event)
            if fault:
                found.setdefault(place, fault)
    for place, fault in (*_prediction_faults(declaration, events), *_history_faults(declaration, events)):
        found.setdefault(place, fault)
    return {place: _refuse_event(declaration, events[place], *fault) for place, fault in sorted(found.items())}


def _are_sound(declaration: Declaration, events: Sequence[Event[Any]], latest: datetime) -> bool:
    """Whether no event has a fault outside its fields: one look at all of them, since hardly ever one has."""
    if not events:
        return True
    entities = entities_of(declaration, events) if declaration.entity is not None else [""]
    return (
        max([event.time for event in events]) <= latest
        and _UNFIT_FOR_ID.search("".join([event.id for event in events])) is None
        and None not in entities
        and max(map(len, filter(None, entities)), default=0) <= LONGEST_ENTITY
    )


Fault = tuple[str, str, str | None]


def _refuse_event(declaration: Declaration, event: Event[Any], code: str, detail: str, field: str | None) -> Refusal:
    entity = entity_of(declaration, event)
    return Refusal(code, detail, field, kind="event", source=event.source, id=event.id, entity=entity)


def _faults(declaration: Declaration, events: Sequence[Event[Any]]) -> dict[int, Fault]:
    found: dict[int, Fault] = {}
    checked = [name for name, field in declaration.fields.items() if _is_checked(field)]
    columns = columns_of(declaration, [event.data for event in events], checked) if checked else {}
    for name in checked:
        for mask, code, detail in _field_faults(declaration.fields[name], columns[name]):
            for place in np.flatnonzero(mask).tolist():
                found.setdefault(place, (code, detail, name))
    return found


def _is_checked(field: FieldDeclaration) -> bool:
    """Whether values are checked as a column: the rest was checked when they were decoded."""
    bounded = field.min is not None or field.max is not None
    return field.type == "integer" or (field.type == "number" and field.outside == "refuse" and bounded)


def _field_faults(field: FieldDeclaration, column: NDArray[Any]) -> list[tuple[NDArray[Any], str, str]]:
    faults: list[tuple[NDArray[Any], str, str]] = []
    if field.type == "integer":
        whole = np.isnan(column) | (column == np.floor(column)) & (np.abs(column) <= LARGEST_INTEGER)
        faults.append((~whole, "wrong_type", "expected a whole number"))
    if field.type in ("number", "integer") and field.outside == "refuse":
        if field.min is not None:
            faults.append((column < field.min, "out_of_range", f"expected at least {field.min:g}"))
        if field.max is not None:
            faults.append((column > field.max, "out_of_range", f"expected at most {field.max:g}"))
    return faults


def _envelope_fault(record: Event[Any] | Label, latest: datetime) -> Fault | None:
    if _UNFIT_FOR_ID.search(record.id):
        return "bad_id", "an id holds no slash, backslash, blank or control character", "id"
    if record.time > latest:
        return "clock_skew", "the time is more than an hour ahead", "time"
    return None


def _entity_fault(declaration: Declaration, event: Event[Any]) -> Fault | None:
    if declaration.entity is None:
        return None
    entity = entity_of(declaration, event)
    if not entity:
        return "missing_entity", "the stream is keyed by this field", declaration.entity
    if len(entity) > LONGEST_ENTITY:
        return "bad_id", f"expected an entity of at most {LONGEST_ENTITY} characters", declaration.entity
    return None


def _prediction_faults(declaration: Declaration, events: Sequence[Event[Any]]) -> list[tuple[int, Fault]]:
    external = declaration.serving.external
    if not external and [event.prediction for event in events].count(UNSET) == len(events):
        return []
    judge = _prediction_fault if external else _unexpected_prediction
    return [(place, fault) for place, event in enumerate(events) if (fault := judge(declaration, event)) is not None]


def _unexpected_prediction(_: Declaration, event: Event[Any]) -> Fault | None:
    if event.prediction is UNSET:
        return None
    return "unexpected_prediction", 'the stream does not declare [serving] model = "external"', "prediction"


def _prediction_fault(declaration: Declaration, event: Event[Any]) -> Fault | None:
    if event.prediction is UNSET:
        return "missing_prediction", "the stream's model lives elsewhere: an event brings its prediction", "prediction"
    if external_prediction(declaration, event) is not None:
        return None
    return "bad_prediction", f"expected {_expected(declaration)}", "prediction"


def _history_faults(declaration: Declaration, events: Sequence[Event[Any]]) -> list[tuple[int, Fault]]:
    if [event.label for event in events].count(UNSET) == len(events):
        return []
    found = ((place, _history_fault(declaration, event)) for place, event in enumerate(events) if event.is_history)
    return [(place, fault) for place, fault in found if fault is not None]


def _history_fault(declaration: Declaration, event: Event[Any]) -> Fault | None:
    if event.answer is not UNSET or event.prediction is not UNSET:
        return "extra_field", "an event that brings its label is history: it has no answer", "label"
    assert not isinstance(event.label, UnsetType)
    return _truth_fault(declaration, event.label, "label")


def _expected(declaration: Declaration) -> str:
    if declaration.task == "regression":
        return "a number"
    if declaration.label.new_classes == "accept":
        return "a class, and an empty text is none"
    return f"one of {', '.join(declaration.label.classes)}"


def external_prediction(declaration: Declaration, event: Event[Any]) -> str | float | None:
    """The prediction that an event brings in the task's own type, a class as text or a number; None: it is neither.

    A number may come as text: CloudEvents' attributes are text in a header, and have no fractions elsewhere.
    """
    said = event.prediction
    if said is UNSET:
        return None
    if declaration.task == "regression":
        return _finite(said)
    value, open_classes = canonical_class(said), declaration.label.new_classes == "accept"
    return value if value in declaration.label.classes or (value and open_classes) else None


def _finite(said: str | float | bool) -> float | None:
    if isinstance(said, bool):
        return None
    try:
        number = float(said)
    except ValueError:
        return None
    return number if isfinite(number) else None


def check_label(declaration: Declaration, label: Label, now: datetime) -> Refusal | None:
    """Why `label` is refused, or None; `now` is when the log took it in."""
    fault = _envelope_fault(label, now + LARGEST_SKEW) or _label_fault(declaration, label)
    if fault is None:
        return None
    code, detail, field = fault
    return Refusal(
        code,
        detail,
        field,
        kind="label",
        source=label.source,
        id=label.id,
        entity=label.data.entity,
    )


def _label_fault(declaration: Declaration, label: Label) -> Fault | None:
    if declaration.entity is not None and label.data.entity is None:
        return "missing_entity", f"a label names its event's {declaration.entity!r}", "entity"
    return _truth_fault(declaration, label.data.value, "value")


def _truth_fault(declaration: Declaration, said: str | float | bool, field: str) -> Fault | None:
    if declaration.task == "regression":
        numeric = isinstance(said, float | int) and not isinstance(said, bool)
        return None if numeric else ("wrong_type", "expected a number", field)
    value, open_classes = canonical_class(said), declaration.label.new_classes == "accept"
    if not value:
        return "unknown_class", "an empty text is no class", field
    if value in declaration.label.classes or open_classes:
        return None
    return "unknown_class", f"expected one of {', '.join(declaration.label.classes)}", field


def canonical_class(value: str | float | bool) -> str:
    """A class as text, the same however it was written.

    >>> canonical_class(1.0), canonical_class(True), canonical_class("1")
    ('1', 'true', '1')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def label_value(declaration: Declaration, label: Label) -> str | float:
    """The label's value in the task's own type: a class as text, or a number."""
    return _true(declaration, label.data.value)


def history_label_value(declaration: Declaration, event: Event[Any]) -> str | float:
    """The label that an event of history brings, in the task's own type.

    Raises:
        LookupError: it brings none.
    """
    if isinstance(event.label, UnsetType):
        raise LookupError("the event brings no label")
    return _true(declaration, event.label)


def _true(declaration: Declaration, said: str | float | bool) -> str | float:
    return float(said) if declaration.task == "regression" else canonical_class(said)


def entity_of(declaration: Declaration, event: Event[Any]) -> str | None:
    """The entity of an event as text, None for a stream without one or an event that lacks it."""
    attribute = declaration.entity_attribute
    return None if attribute is None else _entity(getattr(event.data, attribute))


def entities_of(declaration: Declaration, events: Sequence[Event[Any]]) -> list[str | None]:
    """The entity of each event."""
    attribute = declaration.entity_attribute
    if attribute is None:
        return [None] * len(events)
    return [_entity(getattr(event.data, attribute)) for event in events]


def _entity(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return None if value is None else canonical_class(value)
