"""Label shift: windows of labels against a reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .stream_unit import StreamUnit


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_label_shift_is_suspected_once(make: Any, task: str) -> None:
    unit = StreamUnit(make, make.declared(task))
    random = np.random.default_rng(4)
    for number, share in enumerate((0.3, 0.3, 0.3, 0.6, 0.6, 0.6)):
        truths: list[Any] = [str(int(up)) for up in random.random(1000) < share]
        if task == "regression":
            truths = random.normal(share * 10, 1, 1000).tolist()
        value: Any = "0" if task == "binary" else 5.0
        unit.outcomes([make.outcome(1000 * number + n, value, truth) for n, truth in enumerate(truths)])
        unit.reopen()
    shifts = [drift for drift in unit.written["drift"] if drift.kind == "label"]
    assert [(drift.outcomes, drift.field, drift.status) for drift in shifts] == [(4000, "up", "suspected")]
    assert shifts[0].hurts is not None
