"""From shorthand, as a producer may write it, to the CloudEvent that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from penstock.contracts.codecs.decode_errors import refusal_of
from penstock.contracts.ids import label_id
from penstock.contracts.label_values import canonical_class
from penstock.contracts.records.events import EVENT_TYPE, LABEL_TYPE
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.event_parser import ParsedEvent

RecordKind = Literal["event", "label"]
RawMembers = dict[str, msgspec.Raw]

SOURCE = "http"
TYPES: dict[RecordKind, str] = {"event": EVENT_TYPE, "label": LABEL_TYPE}

_ENVELOPE = {"id", "time", "source"}
_EVENT = _ENVELOPE | {"data"}
_PREDICTION = {"answer", "prediction", "modelversion", "probabilities"}
_LABEL_DATA = {"event_id", "event_source", "value", "entity", "revision"}

_decode_members = msgspec.json.Decoder(RawMembers).decode
_encode = msgspec.json.Encoder().encode


def cloud_event_of(kind: RecordKind, document: bytes, now: datetime) -> bytes | Refusal:
    """The CloudEvent that `document` is or stands for. Its members keep their spelling; those left out are added.

    >>> now = datetime.fromisoformat("2026-01-31T12:00:00Z")
    >>> cloud_event_of("event", b'{"id": "a", "data": {"x": 1.50}}', now).decode()  # doctest: +ELLIPSIS
    '{"specversion":"1.0","type":"penstock.event.v1","source":"http",..."id":"a","data":{"x": 1.50}}'
    """
    try:
        members = _decode_members(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return refusal_of(error, document)
    if "specversion" in members:
        return document
    return _EXPAND[kind](members, now)


def cloud_event_of_parsed(parsed: ParsedEvent[Any], document: bytes, now: bytes) -> bytes:
    """The CloudEvent that `document` is or stands for, which was parsed to `parsed`; `now` is the default time in JSON.

    >>> cloud_event_of_parsed(ParsedEvent(id="a", data=None), b' {"id":"a","data":null}', b'"2026-01-31T12:00:00Z"')
    b'{"specversion":"1.0","type":"penstock.event.v1","source":"http","time":"2026-01-31T12:00:00Z","id":"a","data":null}'
    """
    if parsed.specversion is not msgspec.UNSET:
        return document
    source = _SOURCE_MEMBER if parsed.source is msgspec.UNSET else b""
    time = b'"time":%b,' % now if parsed.time is msgspec.UNSET else b""
    return b"".join((_HEAD, source, time, document[document.index(b"{") + 1 :]))


_HEAD = b'{"specversion":"1.0","type":"%b",' % EVENT_TYPE.encode()
_SOURCE_MEMBER = b'"source":"%b",' % SOURCE.encode()


def _expand_event(members: RawMembers, now: datetime) -> bytes | Refusal:
    unknown = _check_names(members, _EVENT | _PREDICTION)
    return unknown or _encode({**_default_attributes("event", now), **members})


def _expand_label(members: RawMembers, now: datetime) -> bytes | Refusal:
    unknown = _check_names(members, _ENVELOPE | _LABEL_DATA)
    if unknown:
        return unknown
    data: dict[str, Any] = {"event_source": SOURCE} | _select(members, _LABEL_DATA)
    if "entity" in members:
        data["entity"] = _canonical_entity(members["entity"])
    attributes = {**_default_attributes("label", now), "id": _default_label_id(data), **_select(members, _ENVELOPE)}
    return _encode({**attributes, "data": data})


_EXPAND: dict[RecordKind, Callable[[RawMembers, datetime], bytes | Refusal]] = {
    "event": _expand_event,
    "label": _expand_label,
}


def _default_attributes(kind: RecordKind, now: datetime) -> dict[str, Any]:
    return {"specversion": "1.0", "type": TYPES[kind], "source": SOURCE, "time": now}


def _check_names(members: RawMembers, allowed: set[str]) -> Refusal | None:
    for name in members:
        if name not in allowed:
            return Refusal("extra_field", f"expected no more than {', '.join(sorted(allowed))}", name)
    return None


def _select(members: RawMembers, names: set[str]) -> RawMembers:
    return {name: value for name, value in members.items() if name in names}


def _default_label_id(data: dict[str, Any]) -> str:
    """The id of a label that has none of its own. Parts of the wrong type are refused by the check that follows."""
    source, event_id, revision = (_decoded_or_none(data.get(name)) for name in ("event_source", "event_id", "revision"))
    return label_id(str(source), str(event_id), revision if isinstance(revision, int) else 0)


def _canonical_entity(raw: msgspec.Raw) -> Any:
    """An entity as events have it, where a number stands for its text."""
    value = _decoded_or_none(raw)
    return canonical_class(value) if isinstance(value, int | float) else raw


def _decoded_or_none(value: Any) -> Any:
    try:
        return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
