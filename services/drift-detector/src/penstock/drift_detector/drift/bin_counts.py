"""How the events of a partition fall into the bins of the champion's profile, block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.bus.state.state import State
from penstock.contracts.batch import Batch
from penstock.contracts.columns import columns_of
from penstock.contracts.ids import derived_id
from penstock.contracts.records.counts import Counts, CountsData
from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.drift_detector.drift.profiles import Profile, comparable
from penstock.drift_detector.event_key import SOURCE
from penstock.drift_detector.offset_blocks import blocks, inside
from penstock.ml.drift.bin_counts import FieldBins

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
        self._bins: dict[tuple[str, int], FieldBins] = {}  # of the newest profile and the one before

    @property
    def profile(self) -> str | None:
        """The profile that the open block is counted by."""
        return self._block.profile if self._block else None

    def take(
        self, batch: Batch[Event[Any]], fresh: Sequence[int], current: str | None, profiles: Mapping[str, Profile]
    ) -> list[tuple[Counts, int]]:
        """Count the `fresh` events of a batch; the blocks that are complete, with the index of the record that says so.

        A new block is counted by `current`. `profiles` holds it and the open block's.
        """
        offsets = [raw.offset for raw in batch.raw]
        counted = _Counted(batch, lambda digest: self._bins_of(digest, profiles[digest], batch.declared))
        complete: list[tuple[Counts, int]] = []
        for number, places in blocks(offsets, BLOCK):
            if self._block is not None and self._block.number != number:
                complete += self._close(places[0])
            if self._block is None:
                self._block = Block(number, current)
            some = fresh[inside(fresh, places)]
            if self._block.profile is None or self._block.profile not in profiles:
                self._block.profile = None
            elif some:
                self._block.add(batch.records[some[-1]], counted.by(self._block.profile, some), len(some))
            if offsets[places[-1]] == (number + 1) * BLOCK - 1:
                complete += self._close(places[-1])
        self._save()
        return complete

    def _bins_of(self, digest: str, profile: Profile, declared: StreamDeclared) -> FieldBins:
        key = digest, declared.version
        if key not in self._bins:
            self._bins = {key: FieldBins(comparable(profile, declared.declaration)), **dict([*self._bins.items()][:1])}
        return self._bins[key]

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


class _Counted:
    """A batch's events in the bins of profiles, each of which looks at every column once."""

    def __init__(self, batch: Batch[Event[Any]], bins_of: Callable[[str], FieldBins]) -> None:
        self._batch = batch
        self._bins_of = bins_of
        self._found: dict[str, tuple[FieldBins, NDArray[np.intp]]] = {}

    def by(self, digest: str, places: Sequence[int]) -> dict[str, list[int]]:
        """The counts of the events at some ascending places, field by field."""
        if digest not in self._found:
            self._found[digest] = self._places(self._bins_of(digest))
        bins, found = self._found[digest]
        if not len(bins):
            return {}
        without_gaps = places[-1] - places[0] == len(places) - 1
        some = found[:, places[0] : places[-1] + 1] if without_gaps else found[:, places]
        return bins.by_field(bins.count(some))

    def _places(self, bins: FieldBins) -> tuple[FieldBins, NDArray[np.intp]]:
        payloads = [event.data for event in self._batch.records]
        return bins, bins.places(columns_of(self._batch.declared.declaration, payloads, bins.names))
