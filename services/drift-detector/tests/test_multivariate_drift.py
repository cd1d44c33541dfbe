"""Multivariate drift: a change in the relation between numbers, which no field shows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.contracts.records.payloads import payload_type

from .stream_unit import StreamUnit

FIELDS = {"meter": {"type": "category"}, "load": {"type": "number"}, "wind": {"type": "number"}}


def outcomes(make: Any, payload: Any, count: int, changed_at: int) -> list[Any]:
    """`wind` follows `load`, and from `changed_at` on goes against it: each alone stays as it was."""
    rng = np.random.default_rng(5)
    load = rng.normal(size=count)
    wind = np.where(np.arange(count) < changed_at, load, -load) + rng.normal(scale=0.1, size=count)
    made = []
    for n in range(count):
        outcome = make.outcome(n)
        outcome.data.fields = payload(f0="a", f1=float(load[n]), f2=float(wind[n]))
        made.append(outcome)
    return made


@pytest.mark.parametrize("test", ["reconstruction", "domain"])
@pytest.mark.parametrize("size", [100, 37])
def test_a_changed_relation_is_detected_once_whatever_the_batches(make: Any, test: str, size: int) -> None:
    declared = make.declared(fields=FIELDS, drift={"rows": [test], "window": 200, "tests": ["psi"]})
    unit = StreamUnit(make, declared)
    records = outcomes(make, payload_type(declared.declaration), 1200, 600)
    for start in range(0, len(records), size):
        unit.outcomes(records[start : start + size])
        unit.reopen()
    drifts = [drift for drift in unit.written["drift"] if drift.kind == "rows"]
    assert [(drift.detector, drift.outcomes) for drift in drifts] == [(test, 800)]
    assert drifts[0].statistic >= drifts[0].threshold
    assert drifts[0].status == "suspected"
