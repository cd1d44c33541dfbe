"""What answering takes a model: measured, so never the same twice."""

from __future__ import annotations

import time

from penstock.ml.features.frame import Frame
from penstock.ml.fused.fusion import fuse
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend

PER = 1000
GOLDEN_ROWS = 32
REPEATS = 3


def scoring_seconds(model: Model | Blend, frame: Frame) -> float:
    """Seconds that the model takes for 1,000 rows in one batch: the least of three times, on the frame's newest."""
    asked = frame.take(slice(max(0, len(frame) - PER), len(frame)))
    return round(min(_seconds(model, asked) for _ in range(REPEATS)) * PER / len(asked), 6)


def cost_once_fused(model: Model, frame: Frame) -> float:
    """What the model would take where it is loaded and fused."""
    return scoring_seconds(fuse(model, frame.take(slice(0, GOLDEN_ROWS))), frame)


def _seconds(model: Model | Blend, frame: Frame) -> float:
    began = time.perf_counter()
    model.predict(frame)
    return time.perf_counter() - began
