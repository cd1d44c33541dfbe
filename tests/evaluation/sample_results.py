"""Streams and results of cells, made up for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.evaluation.streams import Stream

IN_TIME = Stream("elec2", Path("elec2.csv.gz"), 48)
LATE_MODELS = Stream("elec2", Path("elec2.csv.gz"), 48, training_delay=1000)
CHANGING = Stream("abrupt", Path("abrupt.csv"), 48, change_rows=(6000,))
BLOCK = 200  # rows


def cell_result(score: float, metric: str = "accuracy", score_from: dict[int, float] | None = None) -> dict[str, Any]:
    """The result of a cell; `score_from`: the score of the blocks from a row on."""
    levels = score_from or {0: score}
    rows = list(range(1200, 12_000, BLOCK))
    means = [levels[max(start for start in levels if start <= row)] for row in rows]
    return {
        "metric": metric,
        "metrics": {metric: score},
        "blocks": {"row": rows, "rows": [BLOCK] * len(rows), metric: means},
        "retrains": 3,
        "trained_rows": 4000,
        "training_seconds": 1.0,
        "models": [500],
        "drifts": [6100],
    }
