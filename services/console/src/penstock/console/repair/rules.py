"""Rules applied to records: which ones a rule selects, and what it makes of their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from penstock.console.repair.defects import Defect
from penstock.contracts.codecs.duplicate_keys import has_duplicate_key
from penstock.contracts.records.repairs import Cast, Rule, Selection

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

Members = dict[str, msgspec.Raw]
"""The members of a JSON object, each spelt as it was."""

_decode_members = msgspec.json.Decoder(Members).decode
_encode = msgspec.json.Encoder().encode


def is_selected(defect: Defect, where: Selection) -> bool:
    """Whether all is so that the selection asks for."""
    wanted = (where.code, where.field, where.kind, where.id, where.topic)
    found = (defect.code, defect.field or "", defect.kind, defect.id, defect.topic)
    if any(value is not None and value != other for value, other in zip(wanted, found, strict=True)):
        return False
    time = datetime.fromtimestamp(defect.time / 1000, UTC)
    is_in_time = (where.since is None or time >= where.since) and (where.until is None or time < where.until)
    return is_in_time and (not where.at or str(defect.place) in where.at)


def edited(defect: Defect, rules: Iterable[Rule]) -> bytes:
    """The bytes of the record after all rules that select it, in order.

    A rule about fields leaves alone what is no JSON object, and what names a key twice. A record that was changed
    loses its sealed answer: that was given to another one.
    """
    content = original = defect.original or b""
    for rule in rules:
        if is_selected(defect, rule.where):
            content = rule.text.encode() if rule.text is not None else _edit_fields(content, rule)
    return content if content == original else _without_answer(content)


def _edit_fields(content: bytes, rule: Rule) -> bytes:
    members = _members_of(content)
    if members is None:
        return content
    data = _members_of(bytes(members["data"])) if "data" in members else {}
    if data is not None and (rule.rename or rule.cast or rule.set or rule.remove):
        members["data"] = msgspec.Raw(_encode(_edit_data(data, rule)))
    for name, value in rule.attributes.items():
        members.pop(name, None)
        if value is not None:
            members[name] = msgspec.Raw(_encode(value))
    return _encode(members)


def _edit_data(data: Members, rule: Rule) -> Members:
    edited_data: dict[str, Any] = {rule.rename.get(name, name): value for name, value in data.items()}
    for name, kind in rule.cast.items():
        if name in edited_data:
            edited_data[name] = _cast(edited_data[name], kind)
    return {name: value for name, value in (edited_data | rule.set).items() if name not in rule.remove}


def _cast(raw: msgspec.Raw, kind: Cast) -> Any:
    """The value as the kind, as it is where it cannot be that."""
    value = msgspec.json.decode(raw)
    try:
        return _CASTS[kind](value)
    except (ValueError, TypeError, KeyError, OverflowError):
        return raw


def _integer(value: Any) -> int:
    number = float(value)
    if not number.is_integer():
        raise ValueError("not a whole number")
    return int(number)


def _finite(value: Any) -> float:
    number = float(value)
    if number - number != 0:
        raise ValueError("not a finite number")
    return number


_CASTS: dict[Cast, Any] = {
    "number": _finite,
    "integer": _integer,
    "boolean": lambda value: _BOOLEANS[str(value).strip().lower()],
    "text": lambda value: value if isinstance(value, str) else _encode(value).decode(),
}


def _members_of(content: bytes) -> Members | None:
    """The members of a JSON object; None of what is none, or names a key twice."""
    try:
        members = _decode_members(content)
        is_ambiguous = has_duplicate_key(content, msgspec.json.decode(content))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if is_ambiguous else members


def _without_answer(content: bytes) -> bytes:
    members = _members_of(content)
    if members is None or "answer" not in members:
        return content
    del members["answer"]
    return _encode(members)
