"""Values as files write them: missing ones, times, numbers and classes."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from math import isfinite

from penstock.contracts.label_values import canonical_class

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL"})
"""The texts with which files say that a value is missing."""

_DATE = re.compile(r"\s*\d{4}[-/]\d{1,2}[-/]\d{1,2}")


def parse_time(text: str, zone: tzinfo) -> datetime | None:
    """The time that `text` states, or None if it states none; without a zone it is taken to be in `zone`.

    Dates are written year first, as in ISO 8601; slashes may stand for the dashes.

    >>> from datetime import UTC
    >>> parse_time("2012/10/02 09:00", UTC).isoformat()
    '2012-10-02T09:00:00+00:00'
    """
    if not _DATE.match(text):
        return None
    try:
        time = datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=zone)


def parse_number(text: str) -> float | None:
    """The finite number that `text` states, or None.

    >>> parse_number("1e3"), parse_number("inf"), parse_number("many")
    (1000.0, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def parse_class(text: str) -> str:
    """A class in its canonical form.

    >>> parse_class("1.0"), parse_class("yes")
    ('1', 'yes')
    """
    try:
        return canonical_class(float(text))
    except ValueError:
        return text
