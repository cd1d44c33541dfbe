"""Events are counted in fixed blocks of offsets, by one profile each, whatever batches they come in."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.artifacts import ArtifactError, MemoryStore
from penstock.bus.errors import TransientError
from penstock.bus.state.state import MemoryStateStore, State
from penstock.contracts.decoding import encode
from penstock.contracts.records.counts import Counts
from penstock.contracts.topics import EVENTS
from penstock.drift_detector.drift.bin_counts import BLOCK, BlockCounter
from penstock.drift_detector.drift.profile_store import StoredProfiles
from penstock.drift_detector.drift.profiles import BadProfile, Champions, Profile, read_profile
from penstock.ml.drift.reference_bins import ReferenceBins

PROFILE: Profile = {"load": ReferenceBins.of(np.arange(100.0), "number")}
CONTENT = json.dumps({"format": 1, "fields": {"load": PROFILE["load"].to_dict()}}).encode()


def counted(
    make: Any, offsets: list[int], cuts: set[int], current: str | None = "p", store: MemoryStateStore | None = None
) -> list[Counts]:
    """The counts of events at these offsets, in batches that end before the places in `cuts`, each opened anew."""
    store = store or MemoryStateStore()
    found: list[Counts] = []
    borders = [0, *sorted(cut for cut in cuts if 0 < cut < len(offsets)), len(offsets)]
    for start, stop in itertools.pairwise(borders):
        state = State(store)
        events = [make.event(offset, offset, load=float(offset % 90)) for offset in offsets[start:stop]]
        batch = make.batch(EVENTS, events, offsets=offsets[start:stop])
        complete = BlockCounter(state, "power", 0).take(batch, range(len(events)), current, {"p": PROFILE})
        found += [counts for counts, _ in complete]
        state.write(state.seal(), {})
    return found


@given(st.sets(st.integers(0, 999), max_size=60), st.sets(st.integers(0, 999), max_size=8))
@settings(max_examples=40, deadline=None)
def test_batches_gaps_and_reopening_do_not_show(make: Any, gaps: set[int], cuts: set[int]) -> None:
    offsets = [offset for offset in range(1000) if offset not in gaps]
    whole = counted(make, offsets, set())
    assert [encode(one) for one in counted(make, offsets, cuts)] == [encode(one) for one in whole]
    for block in whole:
        inside = [offset for offset in offsets if block.data.start <= offset < block.data.stop]
        loads = np.array([offset % 90 for offset in inside], dtype=float)
        assert block.data.fields == {"load": PROFILE["load"].count(loads).tolist()}
        assert (block.data.events, block.data.last_id) == (len(inside), f"e{inside[-1]}")


def test_a_block_keeps_the_profile_it_began_with(make: Any) -> None:
    store = MemoryStateStore()
    assert counted(make, list(range(10)), set(), current=None, store=store) == []
    (block,) = counted(make, list(range(10, 2 * BLOCK)), set(), store=store)
    assert (block.data.start, block.data.profile) == (BLOCK, "p")


def test_repeated_events_count_once(make: Any) -> None:
    batch = make.batch(EVENTS, [make.event(1, load=3.0)] * BLOCK)
    ((block, cause),) = BlockCounter(State(MemoryStateStore()), "power", 0).take(batch, [0], "p", {"p": PROFILE})
    assert (block.data.events, cause) == (1, BLOCK - 1)


@given(st.sets(st.integers(0, BLOCK - 1), min_size=1))
@settings(max_examples=20, deadline=None)
def test_only_the_fresh_are_counted(make: Any, fresh: set[int]) -> None:
    batch = make.batch(EVENTS, [make.event(place, load=float(place)) for place in range(BLOCK)])
    ((block, _),) = BlockCounter(State(MemoryStateStore()), "power", 0).take(batch, sorted(fresh), "p", {"p": PROFILE})
    assert block.data.fields == {"load": PROFILE["load"].count(np.array(sorted(fresh), dtype=float)).tolist()}
    assert (block.data.events, block.data.last_id) == (len(fresh), f"e{max(fresh)}")


def test_a_profile_of_other_fields_counts_events_alone(make: Any) -> None:
    batch = make.batch(EVENTS, [make.event(place) for place in range(BLOCK)])
    foreign = {"other": PROFILE["load"], "meter": PROFILE["load"]}
    ((block, _),) = BlockCounter(State(MemoryStateStore()), "power", 0).take(batch, [0, 2], "p", {"p": foreign})
    assert (block.data.events, block.data.fields) == (2, {})


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 2}', b'{"format": 1, "fields": {"a": {}}}', b"\xff"])
def test_what_is_no_profile_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(BadProfile):
        read_profile(content)


async def test_a_spoilt_profile_is_done_without_and_a_store_that_is_away_is_waited_for() -> None:
    class Away(MemoryStore):
        def get(self, digest: str) -> bytes:
            raise ArtifactError(f"no answer for {digest}")

    store = MemoryStore()
    assert await StoredProfiles(store).load(store.put(CONTENT)) == PROFILE
    assert await StoredProfiles(store).load(store.put(b"spoilt")) is None
    assert await StoredProfiles(store).load("sha256:" + 64 * "0") is None
    with pytest.raises(TransientError, match="cannot be read"):
        await StoredProfiles(Away()).load("sha256:" + 64 * "0")


def test_the_highest_epoch_is_the_champion(make: Any) -> None:
    champions = Champions()
    assert champions.profile("power") is None
    for epoch, profile in ((0, None), (2, "b"), (1, "a"), (3, "b")):
        champions.apply(make.epoch(epoch, profile))
    assert (champions.profile("power"), champions.epoch_of("power", "b"), champions.epochs()) == ("b", 3, {"power": 3})
