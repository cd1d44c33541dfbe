"""The check of a CloudEvents envelope, of events and labels alike: the id's characters and the time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from penstock.contracts.input_bounds import EARLIEST_TIME, END_OF_TIME, is_in_bounds
from penstock.contracts.records.events import Event, Label
from penstock.contracts.refusals import Refusal

LARGEST_CLOCK_SKEW = timedelta(hours=1)  # how far ahead of its log-append time a record may claim to be

UNFIT_FOR_ID = re.compile(r"[/\\\s\x00-\x1f\x7f\ufeff]")


def check_envelope(record: Event[Any] | Label, latest: datetime) -> Refusal | None:
    """Why the id or the time of a record is refused, or None; no time may be after `latest`."""
    if UNFIT_FOR_ID.search(record.id):
        return Refusal("bad_id", "an id holds no slash, backslash, blank or control character", "id")
    if record.time > latest:
        return Refusal("clock_skew", "the time is more than an hour ahead", "time")
    return check_time(record.time, "time")


def check_time(time: datetime, field: str) -> Refusal | None:
    """Why a time, sent in `field`, is refused, or None: as UTC it lies outside the bounds."""
    if is_in_bounds(time):
        return None
    detail = f"expected a time from {EARLIEST_TIME:%Y-%m-%d} to before {END_OF_TIME:%Y-%m-%d}, in UTC"
    return Refusal("out_of_range", detail, field)
