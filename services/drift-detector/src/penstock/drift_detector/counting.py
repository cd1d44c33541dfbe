"""How the events of a partition fall into the bins of the champion's profile, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from penstock.bus.state import State
from penstock.contracts.batch import Batch
from penstock.contracts.columns import Columns, columns_of
from penstock.contracts.counts import Counts, CountsData
from penstock.contracts.events import Event
from penstock.contracts.ids import derived_id
from penstock.drift_detector.identity import SOURCE
from penstock.drift_detector.profiles import Profile, comparable

BLOCK = 250  # event offsets

_KEY = b"c"


class Block(Struct, array_like=True):
    """Block `number` as far as it was counted; `profile` None: the block is not counted."""

    number: int
    profile: str | None
    events: int = 0
    fields: dict[str, list[int]] = {}
    last_source: str = ""
    last_id: str = ""
    time: datetime | None = None

    def add(self, newest: Event[Any], counted: dict[str, list[int]], events: int) -> None:
        """Take in some events, of which `newest` is the last."""
        for name, counts in counted.items():
            known = self.fields.get(name)
            self.fields[name] = counts if known is None else [a + b for a, b in zip(known, counts, strict=True)]
        self.events += events
        self.last_source, self.last_id, self.time = newest.source, newest.id, newest.time.astimezone(UTC)


class BlockCounter:
    """Counts the events at offsets [250 k, 250 k + 250) into one record, whatever batches they come in."""

    def __init__(self, state: State, stream: str, partition: int) -> None:
        self._state = state
        self._stream = stream
        self._partition = partition
        kept = state.get(_KEY)
        self._block = msgspec.msgpack.decode(kept, type=Block) if kept else None

    @property
    def profile(self) -> str | None:
        """The profile that the open block is counted by."""
        return self._block.profile if self._block else None

    def take(
        self, batch: Batch[Event[Any]], fresh: Iterable[int], current: str | None, profiles: dict[str, Profile]
    ) -> list[tuple[Counts, int]]:
        """Count the `fresh` events of a batch; the blocks that are complete, with the index of the record that says so.

        A new block is counted by `current`. `profiles` holds it and the open block's.
        """
        kept = set(fresh)
        columns: Columns | None = None
        complete: list[tuple[Counts, int]] = []
        for number, group in groupby(range(len(batch.raw)), key=lambda index: batch.raw[index].offset // BLOCK):
            places = list(group)
            if self._block is not None and self._block.number != number:
                complete += self._close(places[0])
            if self._block is None:
                self._block = Block(number, current)
            known = profiles.get(self._block.profile) if self._block.profile else None
            counted = [place for place in places if place in kept]
            if known is None:
                self._block.profile = None
            elif counted:
                if columns is None:
                    columns = columns_of(batch.declared.declaration, [event.data for event in batch.records])
                bins = comparable(known, batch.declared.declaration)
                self._block.add(batch.records[counted[-1]], _counts(bins, columns, counted), len(counted))
            if batch.raw[places[-1]].offset == (number + 1) * BLOCK - 1:
                complete += self._close(places[-1])
        self._save()
        return complete

    def _close(self, cause: int) -> list[tuple[Counts, int]]:
        block, self._block = self._block, None
        if block is None or block.profile is None or block.time is None:
            return []
        start = block.number * BLOCK
        counts = Counts(
            source=SOURCE,
            id=derived_id("counts", self._stream, self._partition, block.number),
            time=block.time,
            data=CountsData(
                partition=self._partition,
                start=start,
                stop=start + BLOCK,
                events=block.events,
                profile=block.profile,
                fields=block.fields,
                last_source=block.last_source,
                last_id=block.last_id,
            ),
        )
        return [(counts, cause)]

    def _save(self) -> None:
        if self._block is None:
            self._state.delete(_KEY)
        else:
            self._state.put(_KEY, msgspec.msgpack.encode(self._block))


def _counts(profile: Profile, columns: Columns, places: Sequence[int]) -> dict[str, list[int]]:
    chosen = np.array(places)
    return {name: reference.count(columns[name][chosen]).tolist() for name, reference in profile.items()}
