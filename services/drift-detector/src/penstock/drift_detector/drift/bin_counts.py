"""Counts the events of a partition into the bins of the champion's profile, block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock.bus.state.unit_state import State
from penstock.contracts.batch import Batch
from penstock.contracts.columns import columns_of
from penstock.contracts.records.counts import Counts
from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.drift_detector.drift.count_block import COUNT_BLOCK, CountBlock
from penstock.drift_detector.drift.profiles import Profile, comparable_fields
from penstock.drift_detector.offset_blocks import slice_within, split_by_block
from penstock.ml.drift.bin_counts import FieldBins

_OPEN_BLOCK = b"c"


class BinCounter:
    """Counts the events at offsets [250 k, 250 k + 250) into one record, whatever batches they come in."""

    def __init__(self, state: State, stream: str, partition: int) -> None:
        self._state = state
        self._stream = stream
        self._partition = partition
        stored = state.get(_OPEN_BLOCK)
        self._block = msgspec.msgpack.decode(stored, type=CountBlock) if stored else None
        self._bins: dict[tuple[str, int], FieldBins] = {}  # of the newest profile and the one before

    @property
    def profile(self) -> str | None:
        """The profile that the open block is counted by."""
        return self._block.profile if self._block else None

    def update(
        self, batch: Batch[Event[Any]], new: Sequence[int], current: str | None, profiles: Mapping[str, Profile]
    ) -> list[tuple[Counts, int]]:
        """Count the events at the indices `new` of a batch, all but repetitions.

        A new block is counted by the profile `current`; `profiles` holds that one and the open block's.

        Returns:
            The records of the blocks that are complete, each with the index of the event that completed it.
        """
        offsets = [raw.offset for raw in batch.raw]
        bins = _BatchBins(batch, lambda digest: self._bins_of(digest, profiles[digest], batch.required_stream))
        complete: list[tuple[Counts, int]] = []
        for number, span in split_by_block(offsets, COUNT_BLOCK):
            if self._block is not None and self._block.number != number:
                complete += self._complete(span[0])
            if self._block is None:
                self._block = CountBlock(number, current)
            indices = new[slice_within(new, span)]
            if self._block.profile is None or self._block.profile not in profiles:
                self._block.profile = None
            elif indices:
                self._block.add(batch.records[indices[-1]], bins.count(self._block.profile, indices), len(indices))
            if offsets[span[-1]] == (number + 1) * COUNT_BLOCK - 1:
                complete += self._complete(span[-1])
        self._save()
        return complete

    def _bins_of(self, digest: str, profile: Profile, stream: StreamDeclared) -> FieldBins:
        key = digest, stream.version
        if key not in self._bins:
            newest = FieldBins(comparable_fields(profile, stream.declaration))
            self._bins = {key: newest, **dict([*self._bins.items()][:1])}
        return self._bins[key]

    def _complete(self, index: int) -> list[tuple[Counts, int]]:
        block, self._block = self._block, None
        counts = block.record(self._stream, self._partition) if block else None
        return [(counts, index)] if counts else []

    def _save(self) -> None:
        if self._block is None:
            self._state.delete(_OPEN_BLOCK)
        else:
            self._state.put(_OPEN_BLOCK, msgspec.msgpack.encode(self._block))


class _BatchBins:
    """A batch's events in the bins of profiles; the columns are read once for each profile, and only if it is used."""

    def __init__(self, batch: Batch[Event[Any]], bins_of: Callable[[str], FieldBins]) -> None:
        self._batch = batch
        self._bins_of = bins_of
        self._loaded: dict[str, tuple[FieldBins, NDArray[np.intp]]] = {}

    def count(self, digest: str, indices: Sequence[int]) -> dict[str, list[int]]:
        """The counts of the events at ascending `indices`, field by field."""
        if digest not in self._loaded:
            self._loaded[digest] = self._load(self._bins_of(digest))
        bins, bin_numbers = self._loaded[digest]
        if not len(bins):
            return {}
        is_contiguous = indices[-1] - indices[0] == len(indices) - 1
        selected = bin_numbers[:, indices[0] : indices[-1] + 1] if is_contiguous else bin_numbers[:, indices]
        return bins.by_field(bins.count(selected))

    def _load(self, bins: FieldBins) -> tuple[FieldBins, NDArray[np.intp]]:
        payloads = [event.data for event in self._batch.records]
        return bins, bins.bin_indices(columns_of(self._batch.declaration, payloads, bins.names))
