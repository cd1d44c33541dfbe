"""Fields of a whole stream against what the champion learnt from, and how many events there are."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from penstock.artifacts import MemoryStore
from penstock.contracts.records.counts import Counts, CountsData
from penstock.ml.drift.reference_bins import ReferenceBins

from .test_stream import Owner

REFERENCE = {
    "load": ReferenceBins.of(np.random.default_rng(0).normal(0, 1, 2000), "number"),
    "meter": ReferenceBins.of(np.array(["a", "b"] * 1000, dtype=object), "category"),
}


def blocks(
    make: Any, shift: float, count: int, first: int, digest: str, town: str = "ab", minutes: Any = None
) -> list[Counts]:
    random = np.random.default_rng(first)
    found = []
    for number in range(first, first + count):
        columns = {"load": random.normal(shift, 1, 250), "meter": random.choice(list(town), 250).astype(object)}
        data = CountsData(
            partition=0, start=number * 250, stop=number * 250 + 250, events=250, profile=digest,
            fields={name: reference.count(columns[name]).tolist() for name, reference in REFERENCE.items()},
            last_source="grid", last_id=f"e{number}",
        )  # fmt: skip
        time = make.start + timedelta(minutes=minutes(number) if minutes else 0)
        found.append(Counts(source="s", id=f"c{number}", time=time, data=data))
    return found


async def test_a_field_that_leaves_its_reference_gives_one_alarm_until_it_returns(make: Any) -> None:
    store = MemoryStore()
    fields = {name: reference.to_dict() for name, reference in REFERENCE.items()}
    digest = store.put(json.dumps({"format": 1, "fields": fields}).encode())
    owner = Owner(make, make.declared(), store)
    owner.champions.apply(make.epoch(3, digest))
    await owner.counts(blocks(make, 0.0, 40, 0, digest))
    assert owner.written["drift"] == []
    for first, shift in ((40, 1.0), (48, 0.0), (52, 1.0)):
        records = blocks(make, shift, 8 if first == 40 else 4, first, digest)
        await owner.counts([*records, *records])
        owner.open()
    found = [(drift.field, drift.event_id, drift.epoch, drift.status) for drift in features(owner)]
    assert found == [("load", "e43", 3, "suspected"), ("load", "e55", 3, "suspected")]
    assert all(drift.statistic >= drift.threshold for drift in owner.written["drift"])
    await owner.counts(blocks(make, 1.0, 4, 56, digest, town="a"))
    assert [drift.field for drift in features(owner)][2:] == ["meter"]


def features(owner: Owner) -> list[Any]:
    return [drift for drift in owner.written["drift"] if drift.kind == "feature"]


async def watched(make: Any, **drift: Any) -> tuple[Owner, str]:
    store = MemoryStore()
    fields = {name: reference.to_dict() for name, reference in REFERENCE.items()}
    digest = store.put(json.dumps({"format": 1, "fields": fields}).encode())
    owner = Owner(make, make.declared(drift=drift), store)
    owner.champions.apply(make.epoch(3, digest))
    return owner, digest


async def test_a_new_category_and_values_out_of_range_have_names_of_their_own(make: Any) -> None:
    owner, digest = await watched(make)
    await owner.counts(blocks(make, 0.0, 4, 0, digest))
    for first in (4, 8):
        await owner.counts(blocks(make, 3.0, 4, first, digest, town="abbbbbbc"))
    told = {(drift.kind, drift.detector, drift.field) for drift in owner.written["drift"]}
    assert {("category", "fisher", "meter"), ("range", "fisher", "load"), ("feature", "psi", "load")} <= told
    assert len(told) == len(owner.written["drift"])
    assert {drift.status for drift in owner.written["drift"]} == {"suspected"}


async def test_fields_are_compared_by_the_tests_that_are_declared(make: Any) -> None:
    for test in ("js", "wasserstein"):
        owner, digest = await watched(make, tests=[test])
        await owner.counts(blocks(make, 1.0, 4, 0, digest, town="a"))
        told = {(drift.detector, drift.field) for drift in features(owner)}
        assert told == {(test, "load"), *([(test, "meter")] if test == "js" else [])}


async def test_a_flood_and_a_drought_of_events_are_suspected_once(make: Any) -> None:
    owner, digest = await watched(make)
    paces = [10 + number % 3 for number in range(40)] + [2] * 5 + [11] * 5 + [60] * 5
    ends = np.cumsum(paces)
    records = blocks(make, 0.0, len(paces), 0, digest, minutes=lambda number: int(ends[number]))
    for start in range(0, len(records), 7):
        await owner.counts(records[start : start + 7])
        await owner.counts(records[start : start + 7])
        owner.open()
    found = [drift for drift in owner.written["drift"] if drift.kind == "volume"]
    assert [(drift.event_id, drift.field, drift.detector) for drift in found] == [
        ("e40", None, "rate"),
        ("e50", None, "rate"),
    ]
    assert found[0].statistic == pytest.approx(250 / 120)
    assert found[0].statistic > found[0].threshold
    assert found[1].statistic < found[1].threshold
