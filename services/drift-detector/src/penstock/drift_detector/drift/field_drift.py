"""Compares the newest events with the rows the champion was trained on, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.bus.state.state import State
from penstock.contracts.declaration.model_lifecycle import DriftDeclaration
from penstock.contracts.records.counts import CountsData
from penstock.drift_detector.drift.profiles import Profile
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.share_tests import moved_shares
from penstock.ml.drift.window_tests import ORDERED, FieldDrift, Statistic, WindowTest

_KEY = b"2f"
_STARTS = b"2p"


class Window(Struct, array_like=True):
    """The blocks since the last comparison, all counted by one profile; `alarmed` is what had drifted by then."""

    profile: str
    epoch: int
    events: int = 0
    fields: dict[str, list[int]] = {}
    alarmed: list[str] = []

    def add(self, data: CountsData) -> None:
        """Take in one block."""
        self.events += data.events
        for name, counts in data.fields.items():
            known = self.fields.get(name)
            fits = known is not None and len(known) == len(counts)
            self.fields[name] = [a + b for a, b in zip(known or (), counts, strict=True)] if fits else counts


class FieldWatch:
    """One window at a time. A field gives one alarm of a kind until it returns or another profile is counted by."""

    def __init__(self, state: State) -> None:
        self._state = state
        kept, starts = state.get(_KEY), state.get(_STARTS)
        self._window = msgspec.msgpack.decode(kept, type=Window) if kept else None
        self._starts = msgspec.msgpack.decode(starts, type=dict[int, int]) if starts else {}

    def take(
        self,
        data: CountsData,
        declared: DriftDeclaration,
        profile: Profile | None,
        epoch_of: Callable[[str], int],
    ) -> list[tuple[FieldDrift, int]]:
        """Take in a block: the fields that are found to have drifted, with the epoch they were compared under.

        A block that was already taken in is repeated work and changes nothing.
        """
        if data.start <= self._starts.get(data.partition, -1):
            return []
        self._starts[data.partition] = data.start
        if self._window is None or self._window.profile != data.profile:
            self._window = Window(data.profile, epoch_of(data.profile))
        self._window.add(data)
        if self._window.events < declared.window:
            return []
        epoch = self._window.epoch
        return [(drift, epoch) for drift in self._compare(self._window, profile or {}, declared.tests)]

    def save(self) -> None:
        """Hand the window over to the state."""
        if self._window is not None:
            self._state.put(_KEY, msgspec.msgpack.encode(self._window))
            self._state.put(_STARTS, msgspec.msgpack.encode(self._starts))

    def _compare(self, window: Window, profile: Profile, tests: Sequence[Statistic]) -> list[FieldDrift]:
        found = drifted_fields(profile, window.fields, tests) + drifted_shares(profile, window.fields)
        news = [drift for drift in found if _what(drift) not in window.alarmed]
        window.alarmed = [_what(drift) for drift in found]
        window.events, window.fields = 0, {}
        return news


def drifted_fields(
    profile: Profile, counts: Mapping[str, list[int]], tests: Sequence[Statistic] = ("psi", "ks")
) -> list[FieldDrift]:
    """The fields whose counts have left their reference, each once, by the first of the tests that tells.

    Each test controls the false discoveries over the fields that it judges: those of an order judge numbers alone.
    """
    known = _fitting(profile, counts)
    numbers = [name for name, reference in known.items() if reference.kind == "number"]
    now = {name: np.array(counts[name]) for name in known}
    found: dict[str, FieldDrift] = {}
    for test in tests:
        judged = _references(profile, numbers if test in ORDERED else known)
        for drift in WindowTest(test).drifts(judged, now):
            found.setdefault(drift.field, drift)
    return [found[name] for name in known if name in found]


def drifted_shares(profile: Profile, counts: Mapping[str, list[int]]) -> list[FieldDrift]:
    """Missing values, new categories and values out of range, where their share has changed."""
    known = _fitting(profile, counts)
    return moved_shares(known, {name: np.array(counts[name]) for name in known})


def _fitting(profile: Profile, counts: Mapping[str, list[int]]) -> dict[str, ReferenceBins]:
    return {name: reference for name, reference in profile.items() if len(counts.get(name, ())) == reference.bins}


def _references(profile: Profile, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    return {name: np.array(profile[name].counts) for name in names}


def _what(drift: FieldDrift) -> str:
    """What drifted, as it is remembered; no field's name holds the separator."""
    return drift.field if drift.kind == "feature" else f"{drift.kind}\x1f{drift.field}"
