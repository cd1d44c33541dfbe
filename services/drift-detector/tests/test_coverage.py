"""That labels stopped is told once, and once that they come again; after a restart as before."""

from __future__ import annotations

from typing import Any

from penstock.contracts.batch import AnyOutputs
from penstock.contracts.topics import ALERTS

from .stream_unit import StreamUnit, outcomes_of


def send(unit: StreamUnit, make: Any, labelled: bool, count: int) -> None:
    for start in range(unit.offset, unit.offset + count, 100):
        numbers = range(start, start + 100)
        good = outcomes_of(make, [False] * 100, start)
        unit.outcomes(good if labelled else [make.outcome(number, "1", None) for number in numbers])
        unit.reopen()


def coverage_alerts(unit: StreamUnit) -> list[Any]:
    return [alert for alert in unit.written["alerts"] if alert.kind == "coverage"]


def test_labels_that_stop_are_told_once_and_so_is_their_return(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    send(unit, make, True, 600)
    assert coverage_alerts(unit) == []
    send(unit, make, False, 1500)
    send(unit, make, True, 900)
    first, second = coverage_alerts(unit)
    assert (first.state, first.severity, second.state) == ("firing", "warning", "resolved")
    assert first.message == "300 of the last 300 outcomes got no label in time"
    assert (first.key, second.key) == ("coverage/power", "coverage/power")
    assert first.event_time is not None


def test_a_batch_that_is_handled_again_tells_the_same(make: Any) -> None:
    unit = StreamUnit(make, make.declared())
    send(unit, make, False, 200)
    batch = [make.outcome(number, "1", None) for number in range(200, 300)]
    once = unit.outcomes(batch, write=False)
    unit.reopen()
    again = unit.outcomes(batch, write=False)
    first, second = (_alerts_in(outputs) for outputs in (once, again))
    assert first == second
    assert len(first) == 1


def _alerts_in(outputs: list[AnyOutputs]) -> list[bytes]:
    return [alert.to_json() for output in outputs if output.topic is ALERTS for alert in output.records]
