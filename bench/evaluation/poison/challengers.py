"""A challenger that learnt from flipped labels, as the trainer makes it and the gate judges it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.evaluation.generated import FLIPPED, GENERATED, Columns
from penstock.artifacts import MemoryStore
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Evaluation, Segment
from penstock.registry.promotion import Verdict, judge
from penstock.trainer.data.segments import FIELD, schema_of, to_parquet
from penstock.trainer.job import Job
from penstock.trainer.training.attempt import attempt

CLASSES = ("0", "1")
START = datetime(2026, 1, 1, tzinfo=UTC)
DELAY = timedelta(minutes=48)  # from an event, one a minute, to its label
HOLDOUT = 0.25  # share of the rows, from the last, that the trainer judges on

Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """What the trainer measured of a challenger, and what the gate made of it."""

    evaluation: Evaluation
    verdict: Verdict


@dataclass(frozen=True)
class Past:
    """n events of a generated stream, their true labels, and what a champion answered that is right in a given share."""

    columns: Columns
    truth: Labels
    served: Labels

    @property
    def held(self) -> Labels:
        """Mask of the rows that a challenger is judged on; all before them it only learns from."""
        return np.arange(len(self.truth)) >= round(len(self.truth) * (1 - HOLDOUT))


def past(stream: str, rows: int, seed: int, champion: float = 1 - 2 * FLIPPED) -> Past:
    """The first rows of a generated stream whose classes are 0 and 1."""
    random = np.random.default_rng(seed)
    columns = {name: values[:rows] for name, values in GENERATED[stream].make(random).items()}
    truth = columns.pop("label") > 0
    return Past(columns, truth, truth ^ (random.random(rows) >= champion))


def some(of: Labels, share: float, seed: int = 0) -> Labels:
    """So many of the rows of a mask, drawn evenly."""
    return of & (np.random.default_rng(seed).random(len(of)) < share)


def declared(columns: Sequence[str], families: Sequence[str]) -> Declaration:
    """A binary stream of these numbers."""
    return Declaration.model_validate(
        {
            "name": "poisoned",
            "task": "binary",
            "fields": {name: {"type": "number"} for name in columns},
            "label": {"name": "label", "classes": CLASSES},
            "models": {"families": families},
        }
    )


def challenger(known: Past, lies: Labels, families: Sequence[str]) -> Judged:
    """Train on the past with the labels of some rows turned round, and ask the gate."""
    declaration, store = declared(list(known.columns), families), MemoryStore()
    table = _outcomes(declaration, known, known.truth ^ lies)
    segment = Segment(start=0, stop=len(table), rows=len(table), digest=store.put(to_parquet(declaration, [table])))
    found = attempt(Job(declaration=declaration, segments=(segment,)), store)
    assert found.trained is not None, found.failure
    return Judged(found.trained.evaluation, judge(found.trained.evaluation, declaration.gates))


def _outcomes(declaration: Declaration, known: Past, told: Labels) -> pa.Table:
    values = zip(*(known.columns[name].tolist() for name in declaration.fields), strict=True)
    rows = zip(told.tolist(), known.served.tolist(), values, strict=True)
    kept = [_outcome(declaration, place, *row) for place, row in enumerate(rows)]
    return pa.Table.from_pylist(kept, schema=schema_of(declaration))  # what is not said is null


def _outcome(
    declaration: Declaration, place: int, label: bool, served: bool, values: Sequence[float]
) -> dict[str, Any]:
    time = START + timedelta(minutes=place)
    return {
        "offset": place,
        "source": "poison",
        "id": f"event-{place}",
        "time": time,
        "label_time": time + DELAY,
        "revision": 0,
        "label": CLASSES[label],
        "served": CLASSES[served],
        **{FIELD + name: value for name, value in zip(declaration.fields, values, strict=True)},
    }
