"""Drift of fields against the champion's training rows, and of the volume of events."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from penstock.artifacts import MemoryStore
from penstock.contracts.records.counts import Counts, CountsData
from penstock.ml.drift.reference_bins import ReferenceBins

from .stream_unit import StreamUnit

REFERENCE = {
    "load": ReferenceBins.of(np.random.default_rng(0).normal(0, 1, 2000), "number"),
    "meter": ReferenceBins.of(np.array(["a", "b"] * 1000, dtype=object), "category"),
}


def count_blocks(
    make: Any, shift: float, count: int, first: int, digest: str, town: str = "ab", minutes: Any = None
) -> list[Counts]:
    random = np.random.default_rng(first)
    made = []
    for number in range(first, first + count):
        columns = {"load": random.normal(shift, 1, 250), "meter": random.choice(list(town), 250).astype(object)}
        data = CountsData(
            partition=0, start=number * 250, stop=number * 250 + 250, events=250, profile=digest,
            fields={name: reference.count(columns[name]).tolist() for name, reference in REFERENCE.items()},
            last_source="grid", last_id=f"e{number}",
        )  # fmt: skip
        time = make.start + timedelta(minutes=minutes(number) if minutes else 0)
        made.append(Counts(source="s", id=f"c{number}", time=time, data=data))
    return made


def feature_drifts(unit: StreamUnit) -> list[Any]:
    return [drift for drift in unit.written["drift"] if drift.kind == "feature"]


def prepared_unit(make: Any, **drift: Any) -> tuple[StreamUnit, str]:
    store = MemoryStore()
    fields = {name: reference.to_dict() for name, reference in REFERENCE.items()}
    digest = store.put(json.dumps({"format": 1, "fields": fields}).encode())
    unit = StreamUnit(make, make.declared(drift=drift), store)
    unit.champions.apply(make.epoch(3, digest))
    return unit, digest


async def test_a_field_that_leaves_its_reference_gives_one_alarm_until_it_returns(make: Any) -> None:
    unit, digest = prepared_unit(make)
    await unit.counts(count_blocks(make, 0.0, 40, 0, digest))
    assert unit.written["drift"] == []
    for first, shift in ((40, 1.0), (48, 0.0), (52, 1.0)):
        records = count_blocks(make, shift, 8 if first == 40 else 4, first, digest)
        await unit.counts([*records, *records])
        unit.reopen()
    alarms = [(drift.field, drift.event_id, drift.epoch, drift.status) for drift in feature_drifts(unit)]
    assert alarms == [("load", "e43", 3, "suspected"), ("load", "e55", 3, "suspected")]
    assert all(drift.statistic >= drift.threshold for drift in unit.written["drift"])
    await unit.counts(count_blocks(make, 1.0, 4, 56, digest, town="a"))
    assert [drift.field for drift in feature_drifts(unit)][2:] == ["meter"]


async def test_new_categories_and_values_out_of_range_are_kinds_of_their_own(make: Any) -> None:
    unit, digest = prepared_unit(make)
    await unit.counts(count_blocks(make, 0.0, 4, 0, digest))
    for first in (4, 8):
        await unit.counts(count_blocks(make, 3.0, 4, first, digest, town="abbbbbbc"))
    drifts = {(drift.kind, drift.detector, drift.field) for drift in unit.written["drift"]}
    assert {("category", "fisher", "meter"), ("range", "fisher", "load"), ("feature", "psi", "load")} <= drifts
    assert len(drifts) == len(unit.written["drift"])
    assert {drift.status for drift in unit.written["drift"]} == {"suspected"}


async def test_fields_are_compared_by_the_tests_that_are_declared(make: Any) -> None:
    for test in ("js", "wasserstein"):
        unit, digest = prepared_unit(make, tests=[test])
        await unit.counts(count_blocks(make, 1.0, 4, 0, digest, town="a"))
        drifts = {(drift.detector, drift.field) for drift in feature_drifts(unit)}
        assert drifts == {(test, "load"), *([(test, "meter")] if test == "js" else [])}


async def test_unusual_volumes_are_suspected_once(make: Any) -> None:
    unit, digest = prepared_unit(make)
    minutes_per_block = [10 + number % 3 for number in range(40)] + [2] * 5 + [11] * 5 + [60] * 5
    ends = np.cumsum(minutes_per_block)
    records = count_blocks(make, 0.0, len(minutes_per_block), 0, digest, minutes=lambda number: int(ends[number]))
    for start in range(0, len(records), 7):
        await unit.counts(records[start : start + 7])
        await unit.counts(records[start : start + 7])
        unit.reopen()
    volume_drifts = [drift for drift in unit.written["drift"] if drift.kind == "volume"]
    assert [(drift.event_id, drift.field, drift.detector) for drift in volume_drifts] == [
        ("e40", None, "rate"),
        ("e50", None, "rate"),
    ]
    assert volume_drifts[0].statistic == pytest.approx(250 / 120)
    assert volume_drifts[0].statistic > volume_drifts[0].threshold
    assert volume_drifts[1].statistic < volume_drifts[1].threshold
