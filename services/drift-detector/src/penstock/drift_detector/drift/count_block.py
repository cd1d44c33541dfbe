"""Count blocks: the events at a fixed range of offsets of a partition, counted into the bins of a profile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from penstock.contracts.ids import derived_id
from penstock.contracts.input_bounds import to_utc
from penstock.contracts.records.counts import Counts, CountsData
from penstock.contracts.records.events import Event
from penstock.drift_detector.record_source import SOURCE

COUNT_BLOCK = 250  # event offsets


class CountBlock(Struct, array_like=True):
    """Block `number` as far as it is counted; without a `profile` it is not counted."""

    number: int
    profile: str | None
    events: int = 0
    fields: dict[str, list[int]] = {}
    last_source: str = ""
    last_id: str = ""
    time: datetime | None = None

    def add(self, last: Event[Any], fields: dict[str, list[int]], events: int) -> None:
        """Add some events by their number and their counts for each field; `last` is the last of them."""
        for name, counts in fields.items():
            total = self.fields.get(name)
            self.fields[name] = counts if total is None else [a + b for a, b in zip(total, counts, strict=True)]
        self.events += events
        self.last_source, self.last_id, self.time = last.source, last.id, to_utc(last.time)

    def record(self, stream: str, partition: int) -> Counts | None:
        """The record on `counts`; None for a block that was not counted."""
        if self.profile is None or self.time is None:
            return None
        start = self.number * COUNT_BLOCK
        return Counts(
            source=SOURCE,
            id=derived_id("counts", stream, partition, self.number),
            time=self.time,
            data=CountsData(
                partition=partition,
                start=start,
                stop=start + COUNT_BLOCK,
                events=self.events,
                profile=self.profile,
                fields=self.fields,
                last_source=self.last_source,
                last_id=self.last_id,
            ),
        )
