"""The unit that is acknowledged, deduplicated and placed: one thing said under one name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from penstock.contracts.checks import entity_of, external_prediction, history_label_value, label_value
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.ids import digest_of
from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal

EVENT_WINDOW = timedelta(hours=24)  # of log-append time, within which an event's id has one effect

_encode_lines = msgspec.json.Encoder().encode_lines


class Operation(Struct, frozen=True, gc=False):
    """What a record names and what it says of it, both as 16 bytes: equal names with different digests conflict.

    An event's name is (source, entity, id), its digest covers the declared fields, and the prediction or the label if it
    brings one.
    A label's name is its event's and the revision, its digest covers the value.
    """

    name: bytes
    digest: bytes


def operations_of(declaration: Declaration, records: Sequence[Event[Any] | Label]) -> list[Operation]:
    """The operation that each record stands for; its own `time`, id (of a label) and answer do not count."""
    names = _texts([_name(declaration, record) for record in records])
    contents = _texts([_content(declaration, record) for record in records])
    return [
        Operation(digest_of(name), digest_of(content)) for name, content in zip(names, contents, strict=True) if name
    ]


def operation_of(declaration: Declaration, record: Event[Any] | Label) -> Operation:
    """The operation of one record."""
    return operations_of(declaration, [record])[0]


def _name(declaration: Declaration, record: Event[Any] | Label) -> tuple[object, ...]:
    if isinstance(record, Event):
        return ("event", record.source, entity_of(declaration, record), record.id)
    said = record.data
    return ("label", said.event_source, _label_entity(declaration, record), said.event_id, said.revision)


def _content(declaration: Declaration, record: Event[Any] | Label) -> Any:
    if not isinstance(record, Event):
        return label_value(declaration, record)
    if record.is_history:
        return "history", record.data, history_label_value(declaration, record)
    if record.prediction is UNSET:
        return record.data
    return record.data, external_prediction(declaration, record), record.modelversion or None


def _texts(values: Sequence[Any]) -> list[bytes]:
    """Each value as JSON, and a last empty text: no JSON text holds a line break."""
    return _encode_lines(values).split(b"\n")


def key_of(declaration: Declaration, record: Event[Any] | Label) -> bytes:
    """The record's key on the log: the entity, else the event's id. A label has its event's key."""
    if isinstance(record, Event):
        return (entity_of(declaration, record) or record.id).encode()
    return (_label_entity(declaration, record) or record.data.event_id).encode()


def window_of(declaration: Declaration, record: Event[Any] | Label) -> timedelta:
    """How long, in log-append time, the operation's name has one effect."""
    return EVENT_WINDOW if isinstance(record, Event) else declaration.label.horizon


def conflict_of(declaration: Declaration, record: Event[Any] | Label) -> Refusal:
    """The refusal of a record that says something else under a name that is taken."""
    if isinstance(record, Label):
        detail = "this revision of the event's label has another value; send the correction under a higher revision"
        return Refusal("label_conflict", detail, "value", "label", record.source, record.id, record.data.entity)
    detail, entity = "another event bears this id; take a new one", entity_of(declaration, record)
    return Refusal("id_conflict", detail, "id", "event", record.source, record.id, entity)


def _label_entity(declaration: Declaration, label: Label) -> str | None:
    return label.data.entity if declaration.entity is not None else None
