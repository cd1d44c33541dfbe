"""From the change of a row to the event and the label that a producer would have sent of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from penstock.bus.ports import MAX_RECORD_BYTES
from penstock.contracts.declaration.stream import FieldDeclaration, FieldType
from penstock.contracts.entities import entity_text
from penstock.contracts.ids import label_id
from penstock.contracts.label_values import canonical_class
from penstock.contracts.records.events import EVENT_TYPE, LABEL_TYPE
from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.sources.mapping_refusal import MappingRefusal
from penstock.ingestion.sources.message_path import Names, names_of, value_at
from penstock.ingestion.sources.message_time import time_of
from penstock.ingestion.sources.row_change import Row, RowChange

REVISIONS = 1_000_000_000  # a label's revision is below it

_DECIMAL = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies, and its timestamp in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int

    def __str__(self) -> str:
        """As the id of a message that has none of its own."""
        return f"{self.topic}:{self.partition}:{self.offset}"

    @property
    def time(self) -> datetime:
        """When the message was written."""
        return _EPOCH + timedelta(milliseconds=max(0, self.timestamp))


@dataclass(frozen=True, slots=True)
class MappedRecord:
    """An event or a label as it is written to `received`: a CloudEvent under its key; `event_id` is its event's."""

    event_id: str
    key: bytes
    value: bytes


class RecordMapping:
    """The mapping of one source, by one version of its stream's declaration: a message read again gives the same."""

    def __init__(self, stream: StreamDeclared, name: str) -> None:
        self._declaration = declaration = stream.declaration
        self._source = source = declaration.source[name]
        self._name = name
        self._event_source = source.event_source or name
        self._id = _names_or_none(source.id)
        self._time = _names_or_none(source.time)
        self._label = _names_or_none(source.label) or (declaration.label.name,)
        self._label_time = _names_or_none(source.label_time)
        self._external = self._external_attributes()
        self._fields = {field: _names_or_none(source.fields.get(field)) or (field,) for field in declaration.fields}

    def _external_attributes(self) -> dict[str, Names]:
        """Where what an external model says of an event lies, by the attribute that it becomes."""
        if not self._declaration.serving.external:
            return {}
        names = ("prediction", "probabilities", "modelversion")
        paths = {name: _names_or_none(getattr(self._source, name)) for name in names}
        return {name: path for name, path in paths.items() if path is not None}

    @property
    def kind(self) -> Literal["event", "label"]:
        """What a message is taken for that cannot be mapped."""
        return "label" if self._source.records == "labels" else "event"

    def records(self, change: RowChange, place: Place) -> list[MappedRecord]:
        """The records that a change stands for, perhaps none.

        A row that is written is an event. Its label is one from when it is there, and again when it changes.

        Raises:
            MappingRefusal: it stands for none and must not be passed over.
        """
        if change.kind == "deleted":
            return self._deletion()
        event_id = self.event_id(change, place)
        records = []
        if self._source.records != "labels" and change.kind == "written":
            records.append(self._event(event_id, change, place))
        if self._source.records != "events" and (value := self._new_label(change)) is not None:
            records.append(self._label_record(event_id, value, change, place))
        return records

    def event_id(self, change: RowChange, place: Place) -> str:
        """The id of the event that a row is, or belongs to.

        Raises:
            MappingRefusal: it has none.
        """
        if self._id is None:
            return str(place)
        value = value_at(change.after, self._id)
        if value is UNSET or value is None:
            raise MappingRefusal("missing_field", "the id is not where the source says that it lies", "id")
        if isinstance(value, dict | list):
            raise MappingRefusal("bad_id", "expected a text or a number as id", "id")
        return canonical_class(value)

    def _deletion(self) -> list[MappedRecord]:
        if self._source.deletes == "refuse":
            detail = 'a row was deleted, and no event can be unmade; `deletes = "ignore"` passes it over'
            raise MappingRefusal("unmapped_change", detail)
        return []

    def _event(self, event_id: str, change: RowChange, place: Place) -> MappedRecord:
        values = {name: value_at(change.after, names) for name, names in self._fields.items()}
        present = {name: value for name, value in values.items() if value is not UNSET}
        if not present:
            raise MappingRefusal("missing_field", "no declared field lies where the source says")
        fields = self._declaration.fields
        data = {name: as_declared(fields[name], value) for name, value in present.items()}
        stated = {name: value_at(change.after, names) for name, names in self._external.items()}
        attributes = {name: value for name, value in stated.items() if value is not UNSET and value is not None}
        if "modelversion" in attributes:
            attributes["modelversion"] = _text_or(attributes["modelversion"])
        time = self._time_at("time", self._time, change, place)
        return self._record(EVENT_TYPE, event_id, event_id, time, data, attributes)

    def _new_label(self, change: RowChange) -> str | float | bool | None:
        """The label, if it is known and was not so before the change."""
        value = value_at(change.after, self._label)
        before = UNSET if change.before is None else value_at(change.before, self._label)
        if value is UNSET and (self._source.format == "debezium" or self._source.records == "labels"):
            raise MappingRefusal("missing_field", "the label is not where the source says that it lies", "label")
        if value is None and before is not UNSET and before is not None:
            raise MappingRefusal("unmapped_change", "the label was taken back; a label can only be corrected", "label")
        if value is UNSET or value is None or (change.kind == "updated" and value == before):
            return None
        if isinstance(value, dict | list):
            raise MappingRefusal("wrong_type", "expected a text, a number or a boolean as label", "label")
        label: str | float | bool = _number_or(value) if self._declaration.task == "regression" else value
        return label

    def _label_record(self, event_id: str, value: str | float | bool, change: RowChange, place: Place) -> MappedRecord:
        revision = place.offset % REVISIONS
        data = {"event_id": event_id, "event_source": self._event_source, "value": value, "revision": revision}
        if self._declaration.entity is not None:
            data["entity"] = self._entity(change.after)
        time = self._time_at("label_time", self._label_time, change, place)
        return self._record(LABEL_TYPE, label_id(self._event_source, event_id, revision), event_id, time, data, {})

    def _entity(self, row: Row) -> str:
        value = value_at(row, self._fields[self._declaration.entity or ""])
        text = None if value is UNSET or isinstance(value, dict | list) else entity_text(value)
        if text is None:
            raise MappingRefusal("missing_entity", f"a label names its event's {self._declaration.entity!r}", "entity")
        return text

    def _time_at(self, key: str, names: Names | None, change: RowChange, place: Place) -> datetime:
        if names is None:
            return change.time or place.time
        value = value_at(change.after, names)
        if value is UNSET or value is None:
            raise MappingRefusal("missing_field", "the time is not where the source says that it lies", key)
        time = time_of(value, self._source.number_times, self._declaration.time.zone)
        if time is None:
            expected = self._source.number_times.replace("epoch-", "") + " since 1970"
            raise MappingRefusal("bad_time", f"expected a time in ISO 8601, or {expected}", key)
        return time

    def _record(
        self,
        cloud_type: str,
        record_id: str,
        event_id: str,
        time: datetime,
        data: dict[str, Any],
        attributes: Mapping[str, Any],
    ) -> MappedRecord:
        envelope = {"specversion": "1.0", "type": cloud_type, "source": self._name, "id": record_id, "time": time}
        value = _encode({**envelope, **attributes, "data": data})
        key = self._key(event_id, data if cloud_type == EVENT_TYPE else {self._declaration.entity: data.get("entity")})
        if len(key) + len(value) > MAX_RECORD_BYTES:
            raise MappingRefusal("too_large", f"expected a record of at most {MAX_RECORD_BYTES} bytes")
        return MappedRecord(event_id, key, value)

    def _key(self, event_id: str, data: dict[Any, Any]) -> bytes:
        """The key that keeps the entity's records in order, else the event's id."""
        value = data.get(self._declaration.entity)
        entity = None if isinstance(value, dict | list) else entity_text(value)
        return (entity or event_id).encode()


def _names_or_none(path: str | None) -> Names | None:
    return None if path is None else names_of(path)


def as_declared(field: FieldDeclaration, value: Any) -> Any:
    """A value as producers send a field of this type, where a database has another for it; else as it is.

    >>> as_declared(FieldDeclaration(type="category"), 7), as_declared(FieldDeclaration(type="number"), "12.50")
    ('7', 12.5)
    >>> as_declared(FieldDeclaration(type="boolean"), 1), as_declared(FieldDeclaration(type="number"), "none")
    (True, 'none')
    """
    convert = _CONVERSIONS.get(field.type)
    return value if convert is None else convert(value)


def _number_or(value: Any) -> Any:
    """A number for its text, as exact decimals are sent."""
    return float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value


def _text_or(value: Any) -> Any:
    return canonical_class(value) if isinstance(value, int | float) else value


def _boolean_or(value: Any) -> Any:
    return bool(value) if isinstance(value, int) and value in (0, 1) else value


_CONVERSIONS: dict[FieldType, Any] = {
    "number": _number_or,
    "integer": _number_or,
    "boolean": _boolean_or,
    "category": _text_or,
}
