"""Streams and results of cells, made up for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.evaluation.streams import Stream

IN_TIME = Stream("elec2", Path("elec2.csv.gz"), 48)
LATE_MODELS = Stream("elec2", Path("elec2.csv.gz"), 48, training_delay=1000)
CHANGING = Stream("abrupt", Path("abrupt.csv"), 48, change_rows=(6000,))


def cell_result(score: float, metric: str = "accuracy", score_from: dict[int, float] | None = None) -> dict[str, Any]:
    """The result of a cell; `score_from`: the score of the blocks from a row on."""
    levels = score_from or {0: score}
    progress = [
        {"row": row, "score": levels[max(start for start in levels if start <= row)]} for row in range(0, 12_000, 200)
    ]
    return {
        "metric": metric,
        "score": score,
        "progress": progress,
        "retrains": 3,
        "training_seconds": 1.0,
        "epochs": [{"epoch": 0, "at_event": 0}, {"epoch": 1, "at_event": 500}],
        "drifts": [{"at_event": 6100}],
    }
