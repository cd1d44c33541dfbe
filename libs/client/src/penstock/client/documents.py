"""From rows to the documents that ingestion and the server take: events and labels, by the stream's declaration."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from penstock.client.json_values import check_finite, encode_members, id_text, is_missing, time_text

ATTRIBUTES = ("id", "time", "source", "prediction", "modelversion", "probabilities")
"""What an event may have beside its data; a column of this name is one unless the stream declares such a field."""


class Document(NamedTuple):
    """A row as JSON, and the id of its event; no JSON where there is nothing to send."""

    id: str
    content: bytes | None


class DocumentWriter(Protocol):
    """Writes rows as documents."""

    def event_id(self, number: int, row: dict[str, Any]) -> str:
        """The id of the row's event."""
        ...

    def content(self, event_id: str, row: dict[str, Any]) -> bytes | None:
        """The document in JSON, None for a row that says nothing.

        Raises:
            NoJson: a value has no form in JSON.
        """
        ...


class EventWriter:
    """Writes rows as events.

    Columns are fields; `id`, `time` (names of columns, by default these) and the other attributes are not, unless the
    stream declares a field of that name, and the column of the label is left out. Of rows without a column for the id,
    the writer makes one for each.
    """

    def __init__(
        self, declaration: dict[str, Any], id_column: str | None = None, time_column: str | None = None
    ) -> None:
        self._fields = frozenset(declaration["fields"])
        self._label = declaration["label"]["name"]
        self._zone = _zone_of(declaration)
        named = {"id": id_column, "time": time_column}
        self._columns = {
            attribute: named.get(attribute) or attribute
            for attribute in ATTRIBUTES
            if named.get(attribute) or attribute not in self._fields
        }
        self._own = [column for column in (*self._columns.values(), self._label) if column not in self._fields]
        self._made = uuid.uuid4().hex

    def event_id(self, number: int, row: dict[str, Any]) -> str:
        """The id in the row's column, else one of its own, which no other row of this or another call has."""
        column = self._columns.get("id")
        return f"{self._made}-{number}" if column not in row else id_text(row[column]) or ""

    def content(self, event_id: str, row: dict[str, Any]) -> bytes:
        """The event in JSON.

        Raises:
            NoJson: a value has no form in JSON.
        """
        attributes = {name: row[column] for name, column in self._columns.items() if column in row}
        attributes["id"] = event_id
        if "time" in attributes:
            attributes["time"] = time_text(attributes["time"], self._zone)
        data = row.copy()
        for column in self._own:
            data.pop(column, None)
        check_finite(data)
        return encode_members({**attributes, "data": data})


class LabelWriter:
    """Writes rows as labels.

    The event's id is in the column `event_id`, else `id`, the label in the declared one, else `value`, and the entity,
    of a stream that has one, in its own column, else `entity`. `revision` and `event_source` count if they are there.
    A row without a label, which is not known yet, is nothing to send.
    """

    def __init__(
        self,
        declaration: dict[str, Any],
        id_column: str | None = None,
        value_column: str | None = None,
        time_column: str | None = None,
    ) -> None:
        self._id, self._value, self._time = id_column, value_column, time_column
        self._label = declaration["label"]["name"]
        self._entity = declaration.get("entity")
        self._fields = frozenset(declaration["fields"])
        self._zone = _zone_of(declaration)

    def event_id(self, number: int, row: dict[str, Any]) -> str:
        """The id in the row's column, empty where there is none."""
        del number
        return id_text(row.get(self._id or ("event_id" if "event_id" in row else "id"))) or ""

    def content(self, event_id: str, row: dict[str, Any]) -> bytes | None:
        """The label in JSON, None while it is not known.

        Raises:
            NoJson: a value has no form in JSON.
        """
        value = row.get(self._value or (self._label if self._label in row else "value"))
        if is_missing(value):
            return None
        members = {"event_id": event_id, "value": value}
        if self._entity is not None:
            members["entity"] = row.get(self._entity, row.get("entity"))
        for name in ("revision", "event_source"):
            if name in row and name not in self._fields:
                members[name] = row[name]
        if self._time is not None:
            members["time"] = time_text(row.get(self._time), self._zone)
        check_finite(members)
        return encode_members(members)


def _zone_of(declaration: dict[str, Any]) -> ZoneInfo:
    """The zone of times that name none."""
    return ZoneInfo(declaration.get("time", {}).get("zone", "UTC"))
