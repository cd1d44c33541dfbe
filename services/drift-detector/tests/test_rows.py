"""A change in how numbers hang together, which no field shows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.contracts.records.events import data_type

from .test_stream import Owner

FIELDS = {"meter": {"type": "category"}, "load": {"type": "number"}, "wind": {"type": "number"}}


def outcomes(make: Any, payload: Any, count: int, turned_at: int) -> list[Any]:
    """`wind` follows `load`, and from `turned_at` on goes against it: each alone stays as it was."""
    rng = np.random.default_rng(5)
    load = rng.normal(size=count)
    wind = np.where(np.arange(count) < turned_at, load, -load) + rng.normal(scale=0.1, size=count)
    found = []
    for n in range(count):
        outcome = make.outcome(n)
        outcome.data.fields = payload(f0="a", f1=float(load[n]), f2=float(wind[n]))
        found.append(outcome)
    return found


@pytest.mark.parametrize("test", ["reconstruction", "domain"])
@pytest.mark.parametrize("size", [100, 37])
def test_numbers_that_hang_together_otherwise_are_noticed_once_whatever_the_batches(
    make: Any, test: str, size: int
) -> None:
    declared = make.declared(fields=FIELDS, drift={"rows": [test], "window": 200, "tests": ["psi"]})
    owner = Owner(make, declared)
    records = outcomes(make, data_type(declared.declaration), 1200, 600)
    for start in range(0, len(records), size):
        owner.outcomes(records[start : start + size])
        owner.open()
    found = [drift for drift in owner.written["drift"] if drift.kind == "rows"]
    assert [(drift.detector, drift.outcomes) for drift in found] == [(test, 800)]
    assert found[0].statistic >= found[0].threshold
    assert found[0].status == "suspected"
