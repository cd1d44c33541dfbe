"""The handler of a whole stream: the same outputs whatever the batches, and after crashes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.contracts.codecs.record_codec import encode

from .stream_unit import StreamUnit, statistics_of


@given(st.integers(0, 2**32), st.lists(st.integers(1, 1500), max_size=6), st.booleans())
@settings(max_examples=10, deadline=None)
def test_outputs_do_not_depend_on_batches_and_crashes(make: Any, seed: int, cuts: list[int], regression: bool) -> None:
    random = np.random.default_rng(seed)
    declared = make.declared("regression" if regression else "binary", drift={"detectors": ["adwin", "page-hinkley"]})
    records = []
    for number in range(1500):
        spread = 8.0 if number > 700 else 1.0
        truth: Any = float(random.normal(0, spread)) if regression else str(int(random.random() < spread / 10))
        label = None if random.random() < 0.05 else truth
        value: Any = 0.0 if regression else "0"
        records.append(
            make.outcome(
                number,
                value,
                label,
                epoch=1 + number // 600,
                probabilities=[float(random.random() ** (3 if number > 300 else 1))],
            )
        )
        if random.random() < 0.05:
            records.append(make.outcome(number, value, label, revision=int(random.integers(0, 2))))
    whole, parts = StreamUnit(make, declared), StreamUnit(make, declared)
    whole.outcomes(records)
    borders = [0, *sorted(cuts), len(records)]
    for start, stop in itertools.pairwise(borders):
        lost = parts.outcomes(records[start:stop], write=False)
        parts.reopen()
        again = parts.outcomes(records[start:stop])
        assert [bytes(encode(record)) for output in again for record in output.records] == [
            bytes(encode(record)) for output in lost for record in output.records
        ]
        parts.reopen()
    for noun, expected in whole.written.items():
        assert [encode(record) for record in parts.written[noun]] == [encode(record) for record in expected]
    assert len(statistics_of(whole, "provisional")) == len(records) // 100
    assert statistics_of(whole, "matured")
