"""Operations: what is acknowledged once and deduplicated, and what conflicts with what is on the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.entities import entities_of, entity_of
from penstock.contracts.external_predictions import BadProbabilities, external_prediction, external_probabilities
from penstock.contracts.ids import blake2b_digests
from penstock.contracts.label_values import history_label_value, label_value
from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal

EVENT_WINDOW = timedelta(hours=24)  # of log-append time, within which an event of the same id is a duplicate

_encode_lines = msgspec.json.Encoder().encode_lines


class Operation(Struct, frozen=True, gc=False):
    """What identifies a record, and a digest of its content, 16 bytes each.

    Of two records with the same name, the second is a duplicate if their digests are equal, else a conflict. An event
    is named by source, entity and id; its digest covers the declared fields, and a prediction or a label that it
    carries. A label is named by its event and the revision; its digest covers the value.
    """

    name: bytes
    digest: bytes


def operations_of(declaration: Declaration, records: Sequence[Event[Any] | Label]) -> list[Operation]:
    """The operation of each record; its `time`, its sealed answer and the id of a label make no difference."""
    entities = _entities_of(declaration, records)
    names = [
        ("event", record.source, entity, record.id) if isinstance(record, Event) else _label_name(record, entity)
        for record, entity in zip(records, entities, strict=True)
    ]
    contents = [_content(declaration, record) for record in records]
    return list(map(Operation, _json_digests(names), _json_digests(contents)))


def _label_name(label: Label, entity: str | None) -> tuple[object, ...]:
    data = label.data
    return ("label", data.event_source, entity, data.event_id, data.revision)


def _content(declaration: Declaration, record: Event[Any] | Label) -> Any:
    if not isinstance(record, Event):
        return label_value(declaration, record)
    if record.is_history:
        return "history", record.data, history_label_value(declaration, record)
    if record.prediction is UNSET:
        return record.data
    content = record.data, external_prediction(declaration, record), record.modelversion or None
    return content if record.probabilities is UNSET else (*content, _probabilities(declaration, record))


def _probabilities(declaration: Declaration, event: Event[Any]) -> Any:
    """In declared order, however they were written; as they are where they are none of the declared classes."""
    try:
        return external_probabilities(declaration, event)
    except BadProbabilities:
        return event.probabilities


def _json_digests(values: Sequence[Any]) -> list[bytes]:
    """The digest of each value's JSON text, all written with one call: no JSON text holds a line break."""
    lines = _encode_lines(values).split(b"\n")
    return blake2b_digests(lines[:-1])  # the last line ends too


def keys_of(declaration: Declaration, records: Sequence[Event[Any] | Label]) -> list[bytes]:
    """The key of each record on the log: the entity if there is one, else the event's id. A label has its event's."""
    return [
        (entity or (record.id if isinstance(record, Event) else record.data.event_id)).encode()
        for record, entity in zip(records, _entities_of(declaration, records), strict=True)
    ]


def _entities_of(declaration: Declaration, records: Sequence[Event[Any] | Label]) -> list[str | None]:
    events = [record for record in records if isinstance(record, Event)]
    entities = entities_of(declaration, events)
    if len(events) == len(records):
        return entities
    of_events = iter(entities)
    return [next(of_events) if isinstance(record, Event) else _label_entity(declaration, record) for record in records]


def conflict_of(declaration: Declaration, record: Event[Any] | Label) -> Refusal:
    """The refusal of a record whose name is in use by a record with another content."""
    if isinstance(record, Label):
        detail = "this revision of the event's label has another value; send the correction under a higher revision"
        return Refusal("label_conflict", detail, "value", "label", record.source, record.id, record.data.entity)
    detail, entity = "another event has this id; take a new one", entity_of(declaration, record)
    return Refusal("id_conflict", detail, "id", "event", record.source, record.id, entity)


def _label_entity(declaration: Declaration, label: Label) -> str | None:
    return label.data.entity if declaration.entity is not None else None
