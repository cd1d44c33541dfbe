"""Labels that match nothing, and a slice that is worse than the rest: each told once, and once that it is over."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.artifacts import MemoryStore
from penstock.bus.state.unit_state import MemoryStateStore, State
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS, EVENTS, LABELS, PREDICTIONS
from penstock.drift_detector.drift.champions import Champions
from penstock.drift_detector.drift.profile_store import ProfileStore
from penstock.drift_detector.handlers import PartitionHandler
from penstock.drift_detector.quality.slice_watch import MOST_SLICES

from .stream_unit import StreamUnit

SLICED = {"slices": ["meter"]}


class Partition:
    """The handler of a partition; it is opened anew before each batch, as after a restart."""

    def __init__(self, make: Any) -> None:
        self.make, self.store = make, MemoryStateStore()
        self.alerts: list[Alert] = []
        self.unmet = 0

    def _count(self, labels: int) -> None:
        self.unmet += labels

    async def send(self, numbers: range, off_by: int) -> None:
        """An event a minute with its prediction, and as many labels, which name events so many further on."""
        for start in range(numbers.start, numbers.stop, 10):
            part = range(start, start + 10)
            state = State(self.store)
            handler = PartitionHandler("power", 0, state, Champions(), ProfileStore(MemoryStore()), self._count)
            events = self.make.batch(EVENTS, [self.make.event(n, n) for n in part], first=start)
            predictions = self.make.batch(PREDICTIONS, [self.make.prediction(n, n) for n in part], first=start)
            labels = self.make.batch(LABELS, [self.make.label(n + off_by, n) for n in part], first=start)
            outputs = [*await handler.events(events), *handler.predictions(predictions), *handler.labels(labels)]
            self.alerts += [record for output in outputs if output.topic is ALERTS for record in output.records]
            state.write(state.take_changes(), {})


async def test_labels_that_match_nothing_are_told_once_and_once_that_they_match(make: Any) -> None:
    partition = Partition(make)
    await partition.send(range(300), 0)
    assert partition.alerts == []
    await partition.send(range(300, 1100), 100_000)
    (alert,) = partition.alerts
    assert (alert.kind, alert.state, alert.severity) == ("labels-unmatched", "firing", "warning")
    assert alert.message.startswith("partition 0: ")
    assert partition.unmet > 700
    await partition.send(range(1100, 1800), 0)
    assert [(one.state, one.key) for one in partition.alerts] == [
        ("firing", "labels-unmatched/power/0"),
        ("resolved", "labels-unmatched/power/0"),
    ]


def send(unit: StreamUnit, make: Any, wrong_of_ten: dict[str, int], count: int) -> None:
    """Outcomes of meters in turn, of which so many of ten are wrong."""
    meters = list(wrong_of_ten)
    for start in range(unit.offset, unit.offset + count, 100):
        outcomes = []
        for number in range(start, start + 100):
            meter, turn = meters[number % len(meters)], number // len(meters) % 10
            outcome = make.outcome(number, "0" if turn < wrong_of_ten[meter] else "1")
            outcome.data.fields = make.payload(f0=meter, f1=1.0)
            outcomes.append(outcome)
        unit.outcomes(outcomes)
        unit.reopen()


def slice_alerts(unit: StreamUnit) -> list[Alert]:
    return [alert for alert in unit.written["alerts"] if alert.kind == "slice"]


def test_a_slice_that_becomes_worse_is_told_once_and_once_that_it_is_as_good_again(make: Any) -> None:
    unit = StreamUnit(make, make.declared(**SLICED))
    send(unit, make, {"a": 1, "b": 1, "c": 1}, 3000)
    assert slice_alerts(unit) == []
    send(unit, make, {"a": 1, "b": 9, "c": 1}, 3000)
    (alert,) = slice_alerts(unit)
    assert (alert.key, alert.state, alert.event_time is not None) == ("slice/power/meter/b", "firing", True)
    assert "where meter is 'b', elsewhere 0.1" in alert.message
    send(unit, make, {"a": 1, "b": 1, "c": 1}, 2000)
    assert [alert.state for alert in slice_alerts(unit)] == ["firing", "resolved"]


@pytest.mark.parametrize("wrong", [{"a": 2, "b": 2}, {"a": 4, "b": 5}])
def test_slices_that_hardly_differ_raise_none(make: Any, wrong: dict[str, int]) -> None:
    unit = StreamUnit(make, make.declared(**SLICED))
    send(unit, make, wrong, 6000)
    assert slice_alerts(unit) == []


def test_no_more_slices_are_watched_than_may_be(make: Any) -> None:
    unit = StreamUnit(make, make.declared(**SLICED))
    for start in range(0, 1000, 100):
        outcomes = [make.outcome(number) for number in range(start, start + 100)]
        for number, outcome in enumerate(outcomes, start):
            outcome.data.fields = make.payload(f0=f"m{number}", f1=1.0)
        unit.outcomes(outcomes)
    stored = unit.state.get(b"2x")
    assert stored is not None
    assert stored.count(b"meter") == MOST_SLICES
