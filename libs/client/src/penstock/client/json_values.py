"""Values of rows as JSON: what is missing becomes null, and what JSON has no form for is an error."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo
from typing import Any

import msgspec


class NoJson(ValueError):
    """A value that has no form in JSON, under the `code` by which the services refuse such."""

    def __init__(self, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field


def encode_members(members: dict[str, Any]) -> bytes:
    """An object in JSON. NaN, NaT, NA and None are null; numbers keep their kind, also those of numpy.

    >>> encode_members({"amount": float("nan"), "terms": 12})
    b'{"amount":null,"terms":12}'

    Raises:
        NoJson: a value has no form in JSON.
    """
    try:
        return _encode(members)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NoJson("wrong_type", str(error)) from error


def check_finite(members: dict[str, Any]) -> None:
    """Check that no member is an infinite number, which the encoder would write as null.

    Raises:
        NoJson: one is.
    """
    try:
        if math.inf not in members.values() and -math.inf not in members.values():
            return
    except (TypeError, ValueError):  # pandas' NA does not tell, nor does an array
        pass
    for name, value in members.items():
        if _is_infinite(value):
            raise NoJson("not_finite", "expected a finite number, or a missing one", name)


def is_missing(value: object) -> bool:
    """Whether the value is None, NaN, or what pandas has for one that is not there.

    >>> is_missing(float("nan")), is_missing("")
    (True, False)
    """
    if value is None or isinstance(value, str):
        return value is None
    try:
        return bool(value != value)  # noqa: PLR0124 (NaN and NaT of all libraries differ from themselves)
    except (TypeError, ValueError):  # pandas' NA does not tell, and an array has many answers
        return type(value).__name__ == "NAType"


def time_text(value: Any, zone: tzinfo) -> Any:
    """A time with its zone, `zone` where it has none; anything else as it is, for the service to judge."""
    if not isinstance(value, datetime) or is_missing(value):
        return value
    aware = value if value.tzinfo is not None else value.replace(tzinfo=zone)
    return aware.isoformat(timespec="microseconds")


def id_text(value: Any) -> Any:
    """An id as text: numbers stand for theirs.

    >>> id_text(17), id_text(17.0), id_text("a")
    ('17', '17', 'a')
    """
    if isinstance(value, str) or is_missing(value):
        return None if is_missing(value) else str(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_infinite(value: object) -> bool:
    try:
        return value in (math.inf, -math.inf)
    except (TypeError, ValueError):
        return False


def _plain(value: Any) -> Any:
    if is_missing(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    if getattr(value, "ndim", None) == 0:  # a number of numpy
        return value.item()
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


_encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode
