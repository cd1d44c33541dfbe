"""The check of imported history: events that carry their label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from penstock.contracts.checks.envelope_check import check_time
from penstock.contracts.checks.label_check import check_label_value
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event
from penstock.contracts.refusals import Refusal


def check_history(declaration: Declaration, events: Sequence[Event[Any]]) -> list[tuple[int, Refusal]]:
    """The refusals among `events` for the label that they carry, each with the event's index."""
    if [event.label for event in events].count(UNSET) == len(events):
        return []
    checked = ((index, _check_event(declaration, event)) for index, event in enumerate(events) if event.is_history)
    return [(index, refusal) for index, refusal in checked if refusal is not None]


def _check_event(declaration: Declaration, event: Event[Any]) -> Refusal | None:
    if event.answer is not UNSET or event.prediction is not UNSET:
        return Refusal("extra_field", "an event that carries its label is history: it has no prediction", "label")
    assert not isinstance(event.label, UnsetType)
    if not isinstance(event.labeltime, UnsetType) and (refusal := check_time(event.labeltime, "labeltime")):
        return refusal
    return check_label_value(declaration, event.label, "label")
