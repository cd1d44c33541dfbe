"""A cell: one predictor on one stream. Its result is stored in a file, and read from there the next time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.evaluation.penstock_replay import POLICIES, run_replay
from bench.evaluation.references.feature_matrix import FeatureMatrix, read_feature_matrix
from bench.evaluation.references.reference_catalog import REFERENCES, predict_by_reference
from bench.evaluation.streams import Stream
from bench.report.results import RESULTS
from penstock.console.replay.report.scores import WARMUP, score_by_block

CELL_RESULTS = RESULTS / "evaluation"
PENSTOCK = "penstock"

CellResult = Mapping[str, Any]
"""The keys of a replay's report; of a reference only score, metric, progress, retrains and training_seconds."""


@dataclass(frozen=True)
class Cell:
    """One predictor on one stream: a reference's name, `penstock`, or `penstock-<policy>`; `rows`: None for all."""

    stream: Stream
    predictor: str
    seed: int = 0
    rows: int | None = None

    @property
    def is_penstock(self) -> bool:
        """Whether Penstock predicts."""
        return self.predictor.split("-")[0] == PENSTOCK

    @property
    def path(self) -> Path:
        """The file of its result. Only predictors that train in batches depend on the training delay."""
        stream = self.stream
        if not self.is_penstock and not REFERENCES[self.predictor].is_batch_trained:
            stream = replace(stream, training_delay=0)
        first = f"-first-{self.rows}" if self.rows else ""
        return CELL_RESULTS / f"{stream.key}{first}" / f"{self.predictor}-{self.seed}.json"

    def load(self) -> CellResult | None:
        """The stored result, None if there is none of the same file."""
        if not self.path.exists():
            return None
        result: CellResult = json.loads(self.path.read_text())
        return result if result["digest"] == self.stream.digest() else None

    def run(self) -> None:
        """Compute the result, and store it."""
        result = _penstock_result(self) if self.is_penstock else _reference_result(self)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"digest": self.stream.digest(), **result}, indent=1) + "\n")
        part.replace(self.path)


def predictor_names(policies: tuple[str, ...] = ()) -> list[str]:
    """All predictors: the references, Penstock, and Penstock with other policies.

    Raises:
        ValueError: no policy has that name.
    """
    unknown = [policy for policy in policies if policy not in POLICIES]
    if unknown:
        raise ValueError(f"no policy is named {unknown[0]}: choose from {', '.join(POLICIES)}")
    return [*REFERENCES, PENSTOCK, *(f"{PENSTOCK}-{policy}" for policy in policies)]


def _penstock_result(cell: Cell) -> CellResult:
    _, _, policy = cell.predictor.partition("-")
    return run_replay(cell.stream, policy or None, cell.seed, cell.rows)


def _reference_result(cell: Cell) -> CellResult:
    start = time.monotonic()
    rows = read_feature_matrix(cell.stream.file, cell.rows)
    training_delay = cell.stream.training_delay if REFERENCES[cell.predictor].is_batch_trained else 0
    predictions = predict_by_reference(cell.predictor, rows, cell.stream.label_delay, training_delay, cell.seed)
    return {
        **score_predictions(rows, predictions.values),
        "retrains": predictions.retrains,
        "training_seconds": round(predictions.training_seconds, 3),
        "wall_s": round(time.monotonic() - start, 3),
    }


def score_predictions(rows: FeatureMatrix, values: Any) -> CellResult:
    """Score and progress of predictions of shape (n,), computed as in a replay's report."""
    labelled_rows = np.flatnonzero(~np.isnan(rows.labels))
    errors = values[labelled_rows] - rows.labels[labelled_rows]
    scores = np.abs(errors) if rows.task == "regression" else (errors == 0).astype(float)
    after_warmup = labelled_rows >= int(WARMUP * len(rows))
    return {
        "metric": "mae" if rows.task == "regression" else "accuracy",
        "events": len(rows),
        "score": float(np.mean(scores[after_warmup])),
        "progress": [asdict(block) for block in score_by_block(labelled_rows, scores, len(rows))],
    }
