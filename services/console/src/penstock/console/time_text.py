"""Times as files write them."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

_DATE = re.compile(r"\s*\d{4}[-/]\d{1,2}[-/]\d{1,2}")


def read_time(text: str, zone: tzinfo) -> datetime | None:
    """The instant that `text` names, or None when it names none; without a zone it is read in `zone`.

    Dates are written year first, as in ISO 8601; slashes may stand for the dashes.

    >>> from datetime import UTC
    >>> read_time("2012/10/02 09:00", UTC).isoformat()
    '2012-10-02T09:00:00+00:00'
    """
    if not _DATE.match(text):
        return None
    try:
        found = datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)
