"""The check of events: id, time, entity, declared fields, and a prediction or a label that they carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from penstock.contracts.checks.envelope_check import LARGEST_CLOCK_SKEW, UNFIT_FOR_ID, check_envelope
from penstock.contracts.checks.external_prediction_check import check_external_predictions
from penstock.contracts.checks.field_check import check_fields
from penstock.contracts.checks.history_check import check_history
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.entities import entities_of, entity_of
from penstock.contracts.input_bounds import EARLIEST_TIME, LONGEST_ENTITY, is_in_bounds
from penstock.contracts.records.events import Event
from penstock.contracts.refusals import Refusal


def check_events(declaration: Declaration, events: Sequence[Event[Any]], now: datetime) -> dict[int, Refusal]:
    """The refusals among `events`, by index; an event that is accepted has none.

    `now` is the log-append time of the events, or the present time for a request.
    """
    refusals = check_fields(declaration, events)
    latest = now + LARGEST_CLOCK_SKEW
    if not _are_envelopes_sound(declaration, events, latest):
        for index, event in enumerate(events):
            refusal = check_envelope(event, latest) or _check_entity(declaration, event)
            if refusal:
                refusals.setdefault(index, refusal)
    for index, refusal in (*check_external_predictions(declaration, events), *check_history(declaration, events)):
        refusals.setdefault(index, refusal)
    return {index: _with_identity(declaration, events[index], refusals[index]) for index in sorted(refusals)}


def _are_envelopes_sound(declaration: Declaration, events: Sequence[Event[Any]], latest: datetime) -> bool:
    """Whether every id, time and entity is acceptable: one look at all events, since hardly ever one is not."""
    if not events:
        return True
    entities = entities_of(declaration, events) if declaration.entity is not None else [""]
    times = [event.time for event in events]
    newest = max(times)
    return (
        min(times) >= EARLIEST_TIME
        and newest <= latest
        and is_in_bounds(newest)
        and UNFIT_FOR_ID.search("".join([event.id for event in events])) is None
        and None not in entities
        and max(map(len, filter(None, entities)), default=0) <= LONGEST_ENTITY
    )


def _check_entity(declaration: Declaration, event: Event[Any]) -> Refusal | None:
    if declaration.entity is None:
        return None
    entity = entity_of(declaration, event)
    if not entity:
        return Refusal("missing_entity", "the stream is keyed by this field", declaration.entity)
    if len(entity) > LONGEST_ENTITY:
        return Refusal("bad_id", f"expected an entity of at most {LONGEST_ENTITY} characters", declaration.entity)
    return None


def _with_identity(declaration: Declaration, event: Event[Any], refusal: Refusal) -> Refusal:
    return refusal.of_record("event", event.source, event.id, entity_of(declaration, event))
