"""Operations: what is acknowledged once and deduplicated, and what conflicts with what is on the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.entities import entity_of
from penstock.contracts.ids import blake2b_digest
from penstock.contracts.label_values import external_prediction, history_label_value, label_value
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
    names = _json_lines([_name(declaration, record) for record in records])
    contents = _json_lines([_content(declaration, record) for record in records])
    return [
        Operation(blake2b_digest(name), blake2b_digest(content))
        for name, content in zip(names, contents, strict=True)
        if name
    ]


def _name(declaration: Declaration, record: Event[Any] | Label) -> tuple[object, ...]:
    if isinstance(record, Event):
        return ("event", record.source, entity_of(declaration, record), record.id)
    data = record.data
    return ("label", data.event_source, _label_entity(declaration, record), data.event_id, data.revision)


def _content(declaration: Declaration, record: Event[Any] | Label) -> Any:
    if not isinstance(record, Event):
        return label_value(declaration, record)
    if record.is_history:
        return "history", record.data, history_label_value(declaration, record)
    if record.prediction is UNSET:
        return record.data
    return record.data, external_prediction(declaration, record), record.modelversion or None


def _json_lines(values: Sequence[Any]) -> list[bytes]:
    """Each value as JSON, and a last empty line: no JSON text holds a line break."""
    return _encode_lines(values).split(b"\n")


def key_of(declaration: Declaration, record: Event[Any] | Label) -> bytes:
    """The record's key on the log: the entity if there is one, else the event's id. A label has its event's key."""
    if isinstance(record, Event):
        return (entity_of(declaration, record) or record.id).encode()
    return (_label_entity(declaration, record) or record.data.event_id).encode()


def conflict_of(declaration: Declaration, record: Event[Any] | Label) -> Refusal:
    """The refusal of a record whose name is in use by a record with another content."""
    if isinstance(record, Label):
        detail = "this revision of the event's label has another value; send the correction under a higher revision"
        return Refusal("label_conflict", detail, "value", "label", record.source, record.id, record.data.entity)
    detail, entity = "another event has this id; take a new one", entity_of(declaration, record)
    return Refusal("id_conflict", detail, "id", "event", record.source, record.id, entity)


def _label_entity(declaration: Declaration, label: Label) -> str | None:
    return label.data.entity if declaration.entity is not None else None
