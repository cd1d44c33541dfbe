"""Sequential detectors over one series kept in the state."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.drift_detector.drift.series_detectors import MAX_VALUES, MAX_VALUES_OF, DetectorSettings, SeriesDetectors

from .stream_unit import random_errors


def test_detectors_that_drop_old_values_are_as_if_opened_again() -> None:
    store, detector_settings = MemoryStateStore(), DetectorSettings(("adwin",), 0, True)
    state = State(store)
    detectors = SeriesDetectors(state, b"w", "up")
    detectors.configure(detector_settings)
    assert not detectors.update([float(value) for value in random_errors(0.2, MAX_VALUES + 150, 1)])
    detectors.save()
    state.write(state.take_changes(), {})
    assert len(list(store.scan(b"w"))) == (MAX_VALUES // 2 + 150) // 100 + 1
    again = SeriesDetectors(State(store), b"w", "up")
    again.configure(detector_settings)
    later = [float(value) for value in random_errors(0.6, 200, 2)]
    alarms = [detectors.update([value]) for value in later]
    assert any(alarms)
    assert [again.update([value]) for value in later] == alarms


def test_detectors_with_a_lower_limit_drop_values_at_the_next_one() -> None:
    state = State(store := MemoryStateStore())
    detectors = SeriesDetectors(state, b"w", "up")
    detectors.configure(DetectorSettings(("adwin",), 0, True))
    detectors.update([0.0] * (MAX_VALUES_OF["kswin"] + 200))
    detectors.configure(DetectorSettings(("kswin",), 0, True))
    assert detectors.update([0.0, 0.0]) == []
    detectors.save()
    state.write(state.take_changes(), {})
    assert sum(len(chunk) // 8 for _, chunk in store.scan(b"w")) < MAX_VALUES_OF["kswin"]


@given(st.lists(st.integers(0, 599), max_size=4))
@settings(max_examples=20, deadline=None)
def test_alarms_do_not_depend_on_batches(cuts: list[int]) -> None:
    values = [float(value) for share in (0.1, 0.5, 0.1) for value in random_errors(share, 200, int(share * 10))]
    whole, parts = (
        SeriesDetectors(State(MemoryStateStore()), b"w", "both"),
        SeriesDetectors(State(MemoryStateStore()), b"w", "both"),
    )
    for detectors in (whole, parts):
        detectors.configure(DetectorSettings(("adwin", "hddm-a"), 0, True))
    alarms = []
    for start, stop in itertools.pairwise([0, *sorted(cuts), 600]):
        alarms += [(start + index, alarm) for index, alarm in parts.update(values[start:stop])]
    assert alarms == whole.update(values)
    assert len(alarms) >= 2
