"""How far a unit's state has come: of two states of one unit the one with the greater progress counts."""

from __future__ import annotations

from typing import NamedTuple

from penstock.bus.state.unit_state import State, StateStore

_RESETS = b"\x00resets"


class Progress(NamedTuple):
    """How often a state was set back, and the sum of its positions since.

    Positions only rise, but for a topic that lost its end or was made anew, and for a state that begins anew because
    no checkpoint of it can be used: what comes after such a reset counts more than whatever was before.

    >>> Progress(resets=1, handled=5) > Progress(resets=0, handled=900)
    True
    """

    resets: int
    handled: int


NO_PROGRESS = Progress(0, 0)


def progress_of(store: StateStore) -> Progress:
    """The progress of the state in a store."""
    return Progress(int(store.read([_RESETS])[0] or 0), sum(store.positions().values()))


def count_reset(state: State) -> None:
    """Note that a position is set back, together with what else the batch changes."""
    state.put(_RESETS, b"%d" % (int(state.get(_RESETS) or 0) + 1))


def set_resets(store: StateStore, resets: int) -> None:
    """Set how often the state in a store was set back."""
    store.write({_RESETS: b"%d" % resets}, {})
