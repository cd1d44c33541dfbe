"""BentoML: a batchable API with adaptive batching; access log and metrics switched off as its documentation shows."""

from __future__ import annotations

import os

import bentoml
import numpy as np
from scoring import open_matrix_model


@bentoml.service(
    name="bench",
    workers=1,
    traffic={"timeout": 30, "max_concurrency": 1000},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
class Scorer:
    """Scores rows of 22 numbers, categories already coded."""

    def __init__(self) -> None:
        self._score = open_matrix_model(os.environ["BENCH_MODEL"])

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=64, max_latency_ms=1000)
    def predict(self, x: np.ndarray) -> np.ndarray:
        """The probability of each row."""
        return self._score(x)
