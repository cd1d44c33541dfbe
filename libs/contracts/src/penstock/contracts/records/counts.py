"""Counts: how many values of each field fell into each bin, for one count block of events."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from penstock.contracts.records.events import Identifier, Timestamp

COUNTS_TYPE = "penstock.counts.v1"


class CountsData(Struct, kw_only=True):
    """Counts by field and bin over the events at offsets `[start, stop)` of one partition.

    `events` is how many events those were, `profile` the digest of the training profile that the bins are taken from.
    `last_source` and `last_id` name the newest event of the block.
    """

    partition: int
    start: int
    stop: int
    events: int
    profile: str
    fields: dict[str, list[int]]
    last_source: str
    last_id: str


class Counts(Struct, tag_field="type", tag=COUNTS_TYPE, kw_only=True):
    """The values of one count block of events, counted into bins. `time` is that of its newest event."""

    specversion: Literal["1.0"] = "1.0"
    source: Identifier
    id: Identifier
    time: Timestamp
    data: CountsData
