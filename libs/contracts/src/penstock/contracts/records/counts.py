"""Counts: how the values of one block of events fell into the bins of the training reference."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from penstock.contracts.records.events import Text, Zoned

COUNTS_TYPE = "penstock.counts.v1"


class CountsData(Struct, kw_only=True):
    """Counts per field and bin over the events at offsets `[start, stop)` of one partition.

    `profile` is the digest of the reference whose bins were counted; `last_*` names the newest event in the block.
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
    """One block, counted. `time` is that of its newest event."""

    specversion: Literal["1.0"] = "1.0"
    source: Text
    id: Text
    time: Zoned
    data: CountsData
