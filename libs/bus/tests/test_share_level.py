"""A share that is too high is told once, and once that it is not; a batch that fails is not counted."""

from __future__ import annotations

import pytest

from penstock.bus.state.share_level import LevelChange, ShareLevel
from penstock.bus.state.unit_state import MemoryStateStore, State


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_each_change_is_told_once(batch: int) -> None:
    level = ShareLevel(State(MemoryStateStore()), b"k", window=100, high=0.2, low=0.1)
    told = []
    for share in (0.1, 0.3, 0.15, 0.3, 0.0, 0.1, 0.3):
        for start in range(0, 100 * batch, batch):
            hits = int((start + batch) * share + 1e-9) - int(start * share + 1e-9)
            if change := level.update(batch, hits):
                told.append(change.level)
    assert told == ["high", "normal", "high"]


def test_the_window_that_showed_it_is_named() -> None:
    level = ShareLevel(State(MemoryStateStore()), b"k", window=100, high=0.2, low=0.1)
    assert level.update(99, 99) is None
    assert level.update(20, 0) == LevelChange("high", 119, 99)


def test_it_goes_on_after_a_restart_and_forgets_what_was_not_written() -> None:
    store = MemoryStateStore()
    state = State(store)
    level = ShareLevel(state, b"k", window=100, high=0.2, low=0.1)
    level.update(60, 60)
    state.write(state.take_changes(), {})
    level.update(39, 39)
    state.discard_changes()
    assert level.update(39, 0) is None
    state.write(state.take_changes(), {})
    later = ShareLevel(State(store), b"k", window=100, high=0.2, low=0.1)
    assert later.update(1, 0) == LevelChange("high", 100, 60)
