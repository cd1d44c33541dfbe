"""The check of a CloudEvents envelope, of events and labels alike: the id's characters and the time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal

LARGEST_CLOCK_SKEW = timedelta(hours=1)  # how far ahead of its log-append time a record may claim to be
LONGEST_ENTITY = 512  # characters, as of any id: a label must be able to name the entity

UNFIT_FOR_ID = re.compile(r"[/\\\s\x00-\x1f\x7f]")


def check_envelope(record: Event[Any] | Label, latest: datetime) -> Refusal | None:
    """Why the id or the time of a record is refused, or None; no time may be after `latest`."""
    if UNFIT_FOR_ID.search(record.id):
        return Refusal("bad_id", "an id holds no slash, backslash, blank or control character", "id")
    if record.time > latest:
        return Refusal("clock_skew", "the time is more than an hour ahead", "time")
    return None
