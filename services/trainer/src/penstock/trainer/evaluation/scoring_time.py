"""Scoring time: how long a model takes to answer, measured, so never the same twice."""

from __future__ import annotations

import time

import numpy as np

from penstock.ml.features.frame import Frame
from penstock.ml.fused.fusion import fuse
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend

MEASURED_ROWS = 1000
GOLDEN_ROWS = 32
REPEATS = 3
WARM_UP_ROWS, SINGLE_ROWS = 10, 200


def scoring_seconds(model: Model | Blend, frame: Frame) -> float:
    """Seconds that the model takes for 1,000 rows in one batch: the least of three measurements, on the newest rows."""
    batch = frame.take(slice(max(0, len(frame) - MEASURED_ROWS), len(frame)))
    return round(min(_seconds(model, batch) for _ in range(REPEATS)) * MEASURED_ROWS / len(batch), 6)


def fused_scoring_seconds(model: Model, frame: Frame) -> float:
    """The scoring seconds of the model once it is loaded and fused."""
    return scoring_seconds(fuse(model, frame.take(slice(0, GOLDEN_ROWS))), frame)


def latency_p99_ms(model: Model | Blend, frame: Frame) -> float:
    """The 99th percentile of the milliseconds that the model takes for one row by itself, over its 200 newest rows."""
    first = max(0, len(frame) - SINGLE_ROWS)
    rows = [frame.take(slice(row, row + 1)) for row in range(first, len(frame))]
    for row in rows[:WARM_UP_ROWS]:
        model.predict(row)
    return round(float(np.quantile([_seconds(model, row) for row in rows], 0.99)) * 1000, 4)


def _seconds(model: Model | Blend, frame: Frame) -> float:
    began = time.perf_counter()
    model.predict(frame)
    return time.perf_counter() - began
