"""The entity of an event as text: the key that keeps events of one entity in order."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.label_values import canonical_class
from penstock.contracts.records.events import Event


def entity_of(declaration: Declaration, event: Event[Any]) -> str | None:
    """The entity of an event as text; None if the stream declares no entity, or the event lacks it."""
    attribute = declaration.entity_attribute
    return None if attribute is None else entity_text(getattr(event.data, attribute))


def entities_of(declaration: Declaration, events: Sequence[Event[Any]]) -> list[str | None]:
    """The entity of each event."""
    attribute = declaration.entity_attribute
    if attribute is None:
        return [None] * len(events)
    values = map(attrgetter(f"data.{attribute}"), events)
    return [value if value.__class__ is str and value else entity_text(value) for value in values]


def entity_text(value: Any) -> str | None:
    """The entity that the value of its field names, the same however a number was written; None for no value.

    >>> entity_text("007"), entity_text(7.0), entity_text(None)
    ('007', '7', None)
    """
    if isinstance(value, str):
        return value or None
    return None if value is None else canonical_class(value)
