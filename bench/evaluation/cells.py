"""A cell: one way to answer one stream; what came of it is kept, and taken from there the next time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.evaluation.penstock_replay import POLICIES, replayed
from bench.evaluation.references.reference_catalog import REFERENCES, answered
from bench.evaluation.references.feature_matrix import Rows, read_rows
from bench.evaluation.streams import Stream
from bench.report.results import RESULTS
from penstock.console.replay.scores import WARMUP, score_by_block

KEPT = RESULTS / "evaluation"
PRODUCT = "penstock"

Outcome = Mapping[str, Any]
"""A replay report's keys, or of a reference those that it has: score, metric, progress, retrains, training_seconds."""


@dataclass(frozen=True)
class Cell:
    """One way to answer one stream. `way`: a reference's name, `penstock`, or `penstock-<policy>`."""

    stream: Stream
    way: str
    seed: int = 0
    rows: int | None = None

    @property
    def is_product(self) -> bool:
        """Whether Penstock answers."""
        return self.way.split("-")[0] == PRODUCT

    @property
    def path(self) -> Path:
        """Where its outcome is kept. A reference without trainings is the same however late models come."""
        stream = self.stream
        if not self.is_product and not REFERENCES[self.way].trains:
            stream = Stream(stream.name, stream.file, stream.delay, planted=stream.planted)
        first = f"-first-{self.rows}" if self.rows else ""
        return KEPT / f"{stream.key}{first}" / f"{self.way}-{self.seed}.json"

    def kept(self) -> Outcome | None:
        """The outcome, if there is one of the same file."""
        if not self.path.exists():
            return None
        found: Outcome = json.loads(self.path.read_text())
        return found if found["digest"] == self.stream.digest() else None

    def work_out(self) -> None:
        """Work the outcome out, and keep it."""
        found = _product(self) if self.is_product else _reference(self)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_suffix(".part")
        written.write_text(json.dumps({"digest": self.stream.digest(), **found}, indent=1) + "\n")
        written.replace(self.path)


def ways(policies: tuple[str, ...] = ()) -> list[str]:
    """Every way there is: the references, the product, and the product under other policies.

    Raises:
        ValueError: no policy has that name.
    """
    unknown = [policy for policy in policies if policy not in POLICIES]
    if unknown:
        raise ValueError(f"no policy is named {unknown[0]}: choose from {', '.join(POLICIES)}")
    return [*REFERENCES, PRODUCT, *(f"{PRODUCT}-{policy}" for policy in policies)]


def _product(cell: Cell) -> Outcome:
    _, _, policy = cell.way.partition("-")
    return replayed(cell.stream, policy or None, cell.seed, cell.rows)


def _reference(cell: Cell) -> Outcome:
    started = time.monotonic()
    rows = read_rows(cell.stream.file, cell.rows)
    late = cell.stream.late if REFERENCES[cell.way].trains else 0
    found = answered(cell.way, rows, cell.stream.delay, late, cell.seed)
    return {
        **judged(rows, found.values),
        "retrains": found.retrains,
        "training_seconds": round(found.training_seconds, 3),
        "wall_s": round(time.monotonic() - started, 3),
    }


def judged(rows: Rows, values: Any) -> Outcome:
    """Score and progress of answers to the rows, as a replay's report has them."""
    known = np.flatnonzero(~np.isnan(rows.truths))
    wrong = values[known] - rows.truths[known]
    marks = np.abs(wrong) if rows.task == "regression" else (wrong == 0).astype(float)
    counted = known >= int(WARMUP * len(rows))
    return {
        "metric": "mae" if rows.task == "regression" else "accuracy",
        "events": len(rows),
        "score": float(np.mean(marks[counted])),
        "progress": [asdict(line) for line in score_by_block(known, marks, len(rows))],
    }
