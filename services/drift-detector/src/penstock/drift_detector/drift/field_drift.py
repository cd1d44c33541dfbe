"""Field drift: does the distribution of a field differ from the champion's training rows?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from penstock.bus.state.unit_state import State
from penstock.contracts.declaration.model_lifecycle import DriftDeclaration
from penstock.contracts.records.counts import CountsData
from penstock.drift_detector.drift.profiles import Profile
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.drift.share_tests import share_drifts
from penstock.ml.drift.window_tests import ORDERED, FieldDrift, Statistic, WindowTest

_WINDOW = b"2f"
_STARTS = b"2p"


class CountWindow(Struct, array_like=True):
    """The count blocks since the last comparison, all by one profile; `alarms` names what had drifted by then."""

    profile: str
    epoch: int
    events: int = 0
    fields: dict[str, list[int]] = {}
    alarms: list[str] = []

    def add(self, data: CountsData) -> None:
        """Add a count block."""
        self.events += data.events
        for name, counts in data.fields.items():
            total = self.fields.get(name)
            has_same_bins = total is not None and len(total) == len(counts)
            self.fields[name] = [a + b for a, b in zip(total or (), counts, strict=True)] if has_same_bins else counts


class FieldDriftDetector:
    """Compares one window of count blocks after the other with the profile.

    A field gives one alarm of a kind until its distribution returns, or until blocks are counted by another profile.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        window, starts = state.get(_WINDOW), state.get(_STARTS)
        self._window = msgspec.msgpack.decode(window, type=CountWindow) if window else None
        self._starts = msgspec.msgpack.decode(starts, type=dict[int, int]) if starts else {}

    def update(
        self,
        data: CountsData,
        declaration: DriftDeclaration,
        profile: Profile | None,
        epoch_of: Callable[[str], int],
    ) -> list[tuple[FieldDrift, int]]:
        """Add a count block; new drifts, each with the epoch that it was compared under.

        A block that was added before is repeated work and changes nothing.
        """
        if data.start <= self._starts.get(data.partition, -1):
            return []
        self._starts[data.partition] = data.start
        if self._window is None or self._window.profile != data.profile:
            self._window = CountWindow(data.profile, epoch_of(data.profile))
        self._window.add(data)
        if self._window.events < declaration.window:
            return []
        epoch = self._window.epoch
        return [(drift, epoch) for drift in _compare(self._window, profile or {}, declaration.tests)]

    def save(self) -> None:
        """Write the window to the state."""
        if self._window is not None:
            self._state.put(_WINDOW, msgspec.msgpack.encode(self._window))
            self._state.put(_STARTS, msgspec.msgpack.encode(self._starts))


def drifted_fields(
    profile: Profile, counts: Mapping[str, list[int]], tests: Sequence[Statistic] = ("psi", "ks")
) -> list[FieldDrift]:
    """The fields whose counts differ from their reference, each once, by the first of the tests that finds it.

    Each test controls the false discoveries over the fields that it compares; tests on ordered bins take numbers alone.
    """
    references = _comparable_references(profile, counts)
    numbers = [name for name, reference in references.items() if reference.kind == "number"]
    window = {name: np.array(counts[name]) for name in references}
    drifts: dict[str, FieldDrift] = {}
    for test in tests:
        reference_counts = _reference_counts(profile, numbers if test in ORDERED else references)
        for drift in WindowTest(test).drifts(reference_counts, window):
            drifts.setdefault(drift.field, drift)
    return [drifts[name] for name in references if name in drifts]


def drifted_shares(profile: Profile, counts: Mapping[str, list[int]]) -> list[FieldDrift]:
    """Missing values, new categories and values out of range, where their share has changed."""
    references = _comparable_references(profile, counts)
    return share_drifts(references, {name: np.array(counts[name]) for name in references})


def _compare(window: CountWindow, profile: Profile, tests: Sequence[Statistic]) -> list[FieldDrift]:
    """The drifts that are new since the last comparison; the window then starts anew."""
    drifts = drifted_fields(profile, window.fields, tests) + drifted_shares(profile, window.fields)
    new = [drift for drift in drifts if _alarm_name(drift) not in window.alarms]
    window.alarms = [_alarm_name(drift) for drift in drifts]
    window.events, window.fields = 0, {}
    return new


def _comparable_references(profile: Profile, counts: Mapping[str, list[int]]) -> dict[str, ReferenceBins]:
    return {name: reference for name, reference in profile.items() if len(counts.get(name, ())) == reference.bins}


def _reference_counts(profile: Profile, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    return {name: np.array(profile[name].counts) for name in names}


def _alarm_name(drift: FieldDrift) -> str:
    """Field and kind as one text; no field's name holds the separator."""
    return drift.field if drift.kind == "feature" else f"{drift.kind}\x1f{drift.field}"
