"""A cell: one predictor on one stream. Its result is stored in a file, and read from there the next time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.evaluation.code_digest import REPOSITORY, library_versions, module_digest, product_digest
from bench.evaluation.penstock_replay import POLICIES, run_replay
from bench.evaluation.references.feature_matrix import FeatureMatrix, read_feature_matrix
from bench.evaluation.references.reference_catalog import REFERENCES
from bench.evaluation.scoring import score_answers
from bench.evaluation.streams import Stream
from bench.report.results import RESULTS

REFERENCE_RESULTS = REPOSITORY / "bench" / "evaluation" / "reference_results"
"""Committed: a file for each stream, with a line for each reference."""

PENSTOCK_RESULTS = REPOSITORY / "bench" / "evaluation" / "penstock_results"
"""Committed: a file for each stream and seed, of the code that it says. Of first rows they are kept in `RESULTS`."""

SCORING = Path(__file__).with_name("scoring.py")
PENSTOCK = "penstock"

CellResult = Mapping[str, Any]
"""metric (the objective), metrics (of the rows after the warm-up), blocks (the same of each block of rows), events,
retrains, training_seconds and wall_s; of a reference trained_rows, too, and of Penstock its models and drifts."""


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
    def effective_stream(self) -> Stream:
        """Only predictors that train in batches depend on the training delay: without it for all others."""
        is_in_time = not self.is_penstock and not REFERENCES[self.predictor].is_batch_trained
        return replace(self.stream, training_delay=0) if is_in_time else self.stream

    @property
    def path(self) -> Path:
        """The file of its result: of references one for all of a stream."""
        stream = self.effective_stream
        if self.rows:
            return RESULTS / "evaluation" / f"{stream.key}-first-{self.rows}" / f"{self.predictor}-{self.seed}.json"
        if self.is_penstock:
            return PENSTOCK_RESULTS / stream.key / f"{self.predictor}-{self.seed}.json"
        return REFERENCE_RESULTS / f"{stream.key}.json"

    def key(self) -> dict[str, Any]:
        """What a stored result must be of: the file, and Penstock's code or the reference's and its libraries."""
        file = {"file": self.stream.digest()}
        if self.is_penstock:
            return file | {"code": f"{product_digest()}:{module_digest(SCORING)}"}
        return file | {"code": reference_digest(self.predictor), "libraries": library_versions()}

    def load(self) -> CellResult | None:
        """The stored result, None if there is none of the same file and code."""
        result = self.last()
        return result if result is not None and result["of"] == self.key() else None

    def last(self) -> CellResult | None:
        """The stored result, None if there is none of the same file; it may be of earlier code."""
        result: CellResult | None = read_results(self.path).get(self.predictor)
        return result if result is not None and result["of"]["file"] == self.stream.digest() else None

    def run(self) -> None:
        """Compute the result, and store it."""
        result = _penstock_result(self) if self.is_penstock else _reference_result(self)
        results = read_results(self.path) | {self.predictor: {"of": self.key(), **result}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{json.dumps(name)}: {json.dumps(results[name])}" for name in sorted(results)]
        part = self.path.with_suffix(".part")
        part.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        part.replace(self.path)


def read_results(path: Path) -> dict[str, Any]:
    """The results in a file, by predictor."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def predictor_names(policies: tuple[str, ...] = ()) -> list[str]:
    """All predictors: the references, Penstock, and Penstock with other policies.

    Raises:
        ValueError: no policy has that name.
    """
    unknown = [policy for policy in policies if policy not in POLICIES]
    if unknown:
        raise ValueError(f"no policy is named {unknown[0]}: choose from {', '.join(POLICIES)}")
    return [*REFERENCES, PENSTOCK, *(f"{PENSTOCK}-{policy}" for policy in policies)]


def reference_digest(name: str) -> str:
    """A digest of a reference: its code, its options, and the code that scores it."""
    reference, folder = REFERENCES[name], Path(__file__).parent
    options = json.dumps([reference.function, sorted(reference.options.items()), reference.has_lags])
    return f"{module_digest(folder / 'references' / f'{reference.module}.py', SCORING)}:{options}"


def _penstock_result(cell: Cell) -> CellResult:
    _, _, policy = cell.predictor.partition("-")
    return run_replay(cell.stream, policy or None, cell.seed, cell.rows)


def _reference_result(cell: Cell) -> CellResult:
    start = time.monotonic()
    rows, stream = _feature_matrix(cell.stream.file, cell.rows), cell.effective_stream
    predictions = REFERENCES[cell.predictor].predict(rows, stream.label_delay, stream.training_delay, cell.seed)
    curve = predictions.loss_by_trainings
    labelled = np.flatnonzero(~np.isnan(rows.labels))
    positive = int(rows.class_counts.argmin()) if rows.task == "binary" else 1
    return {
        "metric": rows.objective,
        "events": len(rows),
        **score_answers(
            rows.labels[labelled], predictions.answers.of(labelled), positive, len(rows), labelled.astype(float)
        ),
        "retrains": predictions.retrains,
        "trained_rows": predictions.trained_rows,
        "training_seconds": round(predictions.training_seconds, 1),
        "wall_s": round(time.monotonic() - start, 1),
        **({"loss_by_trainings": curve} if curve else {}),
    }


@lru_cache(maxsize=1)
def _feature_matrix(file: Path, rows: int | None) -> FeatureMatrix:
    return read_feature_matrix(file, rows)
