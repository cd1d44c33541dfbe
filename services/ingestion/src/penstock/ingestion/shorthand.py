"""From what a producer may write to the whole CloudEvent it stands for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from penstock.contracts.checks import canonical_class
from penstock.contracts.decoding import decode_refusal
from penstock.contracts.ids import label_id
from penstock.contracts.records.events import EVENT_TYPE, LABEL_TYPE
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.event_parser import ParsedEvent

Kind = Literal["event", "label"]
Raws = dict[str, msgspec.Raw]

SOURCE = "http"
TYPES: dict[Kind, str] = {"event": EVENT_TYPE, "label": LABEL_TYPE}

_ENVELOPE = {"id", "time", "source"}
_EVENT = _ENVELOPE | {"data"}
_ANSWERED = {"answer", "prediction", "modelversion"}
_LABEL_DATA = {"event_id", "event_source", "value", "entity", "revision"}

_read = msgspec.json.Decoder(Raws).decode
_write = msgspec.json.Encoder().encode


def whole(kind: Kind, body: bytes, now: datetime) -> bytes | Refusal:
    """The CloudEvent that `body` is or stands for. It is written out as it came, but for what was left away.

    >>> now = datetime.fromisoformat("2026-01-31T12:00:00Z")
    >>> whole("event", b'{"id": "a", "data": {"x": 1.50}}', now).decode()  # doctest: +ELLIPSIS
    '{"specversion":"1.0","type":"penstock.event.v1","source":"http",..."id":"a","data":{"x": 1.50}}'
    """
    try:
        said = _read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return decode_refusal(error, body)
    if "specversion" in said:
        return body
    return _SPELLED_OUT[kind](said, now)


def _event(said: Raws, now: datetime) -> bytes | Refusal:
    unknown = _unknown(said, _EVENT | _ANSWERED)
    return unknown or _write({**_attributes("event", now), **said})


def _label(said: Raws, now: datetime) -> bytes | Refusal:
    unknown = _unknown(said, _ENVELOPE | _LABEL_DATA)
    if unknown:
        return unknown
    data: dict[str, Any] = {"event_source": SOURCE} | {name: said[name] for name in said if name in _LABEL_DATA}
    if "entity" in said:
        data["entity"] = _entity(said["entity"])
    return _write({**_attributes("label", now), "id": _label_id(data), **_only(said, _ENVELOPE), "data": data})


def whole_event(said: ParsedEvent[Any], body: bytes, now: bytes) -> bytes:
    """The CloudEvent in the JSON text `body`, of which `said` was read; `now` is the JSON text of its default time.

    >>> whole_event(Said(id="a", data=None), b' {"id":"a","data":null}', b'"2026-01-31T12:00:00Z"').decode()
    '{"specversion":"1.0","type":"penstock.event.v1","source":"http","time":"2026-01-31T12:00:00Z","id":"a","data":null}'
    """
    if said.specversion is not msgspec.UNSET:
        return body
    source = _SOURCE if said.source is msgspec.UNSET else b""
    time = b'"time":%b,' % now if said.time is msgspec.UNSET else b""
    return b"".join((_HEAD, source, time, body[body.index(b"{") + 1 :]))


_HEAD = b'{"specversion":"1.0","type":"%b",' % EVENT_TYPE.encode()
_SOURCE = b'"source":"%b",' % SOURCE.encode()


_SPELLED_OUT: dict[Kind, Callable[[Raws, datetime], bytes | Refusal]] = {"event": _event, "label": _label}


def _attributes(kind: Kind, now: datetime) -> dict[str, Any]:
    return {"specversion": "1.0", "type": TYPES[kind], "source": SOURCE, "time": now}


def _unknown(said: Raws, known: set[str]) -> Refusal | None:
    for name in said:
        if name not in known:
            return Refusal("extra_field", f"expected no more than {', '.join(sorted(known))}", name)
    return None


def _only(said: Raws, names: set[str]) -> Raws:
    return {name: value for name, value in said.items() if name in names}


def _label_id(data: dict[str, Any]) -> str:
    """The id a label has unless it brings one. What is no fit part of it is found by the check that follows."""
    source, event_id, revision = (_plain(data.get(name)) for name in ("event_source", "event_id", "revision"))
    return label_id(str(source), str(event_id), revision if isinstance(revision, int) else 0)


def _entity(raw: msgspec.Raw) -> Any:
    """An entity as events have it, where a number stands for its text."""
    value = _plain(raw)
    return canonical_class(value) if isinstance(value, int | float) else raw


def _plain(value: Any) -> Any:
    try:
        return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
