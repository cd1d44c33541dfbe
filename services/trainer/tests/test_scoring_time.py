"""How long one answer of a model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.ml.features.frame import Frame
from penstock.trainer.evaluation.scoring_time import SINGLE_ROWS, WARM_UP_ROWS, latency_p99_ms


class RowReader:
    """A model that notes the rows it is asked for."""

    def __init__(self) -> None:
        self.asked: list[list[float]] = []

    def predict(self, frame: Frame) -> None:
        self.asked.append(frame.columns["x"].tolist())


@pytest.mark.parametrize("count", [3, 500])
def test_the_newest_rows_are_asked_for_one_by_one_after_a_warm_up(count: int) -> None:
    numbers = np.arange(count, dtype=float)
    frame, model = Frame({"x": numbers}, np.full(count, "NaT", dtype="datetime64[ms]")), RowReader()
    reader: Any = model
    assert latency_p99_ms(reader, frame) > 0
    newest = [[number] for number in numbers[-SINGLE_ROWS:].tolist()]
    assert model.asked == newest[:WARM_UP_ROWS] + newest
