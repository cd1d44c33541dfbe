"""Events are counted in count blocks, by one profile each, whatever batches they come in."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.records.counts import Counts
from penstock.contracts.topics import EVENTS
from penstock.drift_detector.drift.bin_counts import BinCounter
from penstock.drift_detector.drift.count_block import COUNT_BLOCK
from penstock.drift_detector.drift.profiles import Profile
from penstock.ml.drift.reference_bins import ReferenceBins

PROFILE: Profile = {"load": ReferenceBins.of(np.arange(100.0), "number")}


def count_events(
    make: Any, offsets: list[int], cuts: set[int], current: str | None = "p", store: MemoryStateStore | None = None
) -> list[Counts]:
    """The counts of events at these offsets, in batches that end before the indices in `cuts`, each opened anew."""
    store = store or MemoryStateStore()
    records: list[Counts] = []
    borders = [0, *sorted(cut for cut in cuts if 0 < cut < len(offsets)), len(offsets)]
    for start, stop in itertools.pairwise(borders):
        state = State(store)
        events = [make.event(offset, offset, load=float(offset % 90)) for offset in offsets[start:stop]]
        batch = make.batch(EVENTS, events, offsets=offsets[start:stop])
        complete = BinCounter(state, "power", 0).update(batch, range(len(events)), current, {"p": PROFILE})
        records += [counts for counts, _ in complete]
        state.write(state.take_changes(), {})
    return records


@given(st.sets(st.integers(0, 999), max_size=60), st.sets(st.integers(0, 999), max_size=8))
@settings(max_examples=40, deadline=None)
def test_counts_do_not_depend_on_batches_and_restarts(make: Any, gaps: set[int], cuts: set[int]) -> None:
    offsets = [offset for offset in range(1000) if offset not in gaps]
    whole = count_events(make, offsets, set())
    assert [encode(counts) for counts in count_events(make, offsets, cuts)] == [encode(counts) for counts in whole]
    for block in whole:
        block_offsets = [offset for offset in offsets if block.data.start <= offset < block.data.stop]
        loads = np.array([offset % 90 for offset in block_offsets], dtype=float)
        assert block.data.fields == {"load": PROFILE["load"].count(loads).tolist()}
        assert (block.data.events, block.data.last_id) == (len(block_offsets), f"e{block_offsets[-1]}")


def test_a_block_keeps_the_profile_it_began_with(make: Any) -> None:
    store = MemoryStateStore()
    assert count_events(make, list(range(10)), set(), current=None, store=store) == []
    (block,) = count_events(make, list(range(10, 2 * COUNT_BLOCK)), set(), store=store)
    assert (block.data.start, block.data.profile) == (COUNT_BLOCK, "p")


def test_repeated_events_count_once(make: Any) -> None:
    batch = make.batch(EVENTS, [make.event(1, load=3.0)] * COUNT_BLOCK)
    ((block, cause),) = BinCounter(State(MemoryStateStore()), "power", 0).update(batch, [0], "p", {"p": PROFILE})
    assert (block.data.events, cause) == (1, COUNT_BLOCK - 1)


@given(st.sets(st.integers(0, COUNT_BLOCK - 1), min_size=1))
@settings(max_examples=20, deadline=None)
def test_only_new_events_are_counted(make: Any, new: set[int]) -> None:
    batch = make.batch(EVENTS, [make.event(index, load=float(index)) for index in range(COUNT_BLOCK)])
    ((block, _),) = BinCounter(State(MemoryStateStore()), "power", 0).update(batch, sorted(new), "p", {"p": PROFILE})
    assert block.data.fields == {"load": PROFILE["load"].count(np.array(sorted(new), dtype=float)).tolist()}
    assert (block.data.events, block.data.last_id) == (len(new), f"e{max(new)}")


def test_a_profile_of_other_fields_counts_events_alone(make: Any) -> None:
    batch = make.batch(EVENTS, [make.event(index) for index in range(COUNT_BLOCK)])
    foreign = {"other": PROFILE["load"], "meter": PROFILE["load"]}
    ((block, _),) = BinCounter(State(MemoryStateStore()), "power", 0).update(batch, [0, 2], "p", {"p": foreign})
    assert (block.data.events, block.data.fields) == (2, {})
