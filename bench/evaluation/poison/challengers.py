"""Challengers trained on flipped labels, as the trainer makes them and the registry's gates judge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.evaluation.synthetic_columns import Columns
from bench.evaluation.synthetic_streams import SYNTHETIC_STREAMS
from penstock.artifacts import MemoryStore
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Evaluation, Segment
from penstock.ml.models.families import fit
from penstock.ml.package.model_package import pack
from penstock.registry.promotion import GateVerdict, check_gates
from penstock.trainer.data.dataset import rows_of
from penstock.trainer.data.parquet_segments import FIELD, schema_of, to_parquet
from penstock.trainer.job import PackageReference, TrainingJob
from penstock.trainer.training.job_runner import run_job

CLASSES = ("0", "1")
START = datetime(2026, 1, 1, tzinfo=UTC)
DELAY = timedelta(minutes=48)  # from an event, one a minute, to its label
GOLDEN_ROWS = 8
HOLDOUT = 0.25  # share of the rows, the newest, that the trainer evaluates on

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class JudgedChallenger:
    """The trainer's evaluation of a challenger, and the gates' verdict."""

    evaluation: Evaluation
    verdict: GateVerdict


@dataclass(frozen=True)
class PastEvents:
    """n events of a synthetic stream, and their true labels, of shape (n,)."""

    columns: Columns
    labels: Mask

    @property
    def past(self) -> int:
        """How many events lie before the holdout: from them challengers learn, and the champion has learnt."""
        return round(len(self.labels) * (1 - HOLDOUT))

    @property
    def in_holdout(self) -> Mask:
        """Mask of the rows that a challenger is evaluated on."""
        return np.arange(len(self.labels)) >= self.past


def generate_events(stream: str, rows: int, seed: int) -> PastEvents:
    """The first rows of a synthetic stream with the classes 0 and 1."""
    random = np.random.default_rng(seed)
    columns = {
        name: values[:rows].astype(np.float64) for name, values in SYNTHETIC_STREAMS[stream].make(random).items()
    }
    labels = columns.pop("label") > 0
    return PastEvents(columns, labels)


def random_part(mask: Mask, share: float, seed: int = 0) -> Mask:
    """A share of the rows of a mask, drawn evenly."""
    return mask & (np.random.default_rng(seed).random(len(mask)) < share)


def binary_declaration(columns: Sequence[str], families: Sequence[str]) -> Declaration:
    """A binary stream with these columns of numbers."""
    return Declaration.model_validate(
        {
            "name": "poisoned",
            "task": "binary",
            "fields": {name: {"type": "number"} for name in columns},
            "label": {"name": "label", "classes": CLASSES},
            "models": {"families": families},
        }
    )


def judge_challenger(
    events: PastEvents, flipped: Mask, families: Sequence[str], *, has_champion: bool = True
) -> JudgedChallenger:
    """Train on the events with the labels of some rows flipped, and check the gates.

    The champion has learnt from the true labels before the holdout; without one a constant stands in for it.
    """
    declaration, store = binary_declaration(list(events.columns), families), MemoryStore()
    table = _outcomes(declaration, events, events.labels ^ flipped)
    segment = Segment(start=0, stop=len(table), rows=len(table), digest=store.put(to_parquet(declaration, [table])))
    champion = _champion(declaration, events, store) if has_champion else None
    result = run_job(TrainingJob(declaration=declaration, segments=(segment,), champion=champion), store)
    assert result.model is not None, result.failure
    return JudgedChallenger(result.model.evaluation, check_gates(result.model.evaluation, declaration.gates))


def _champion(declaration: Declaration, events: PastEvents, store: MemoryStore) -> PackageReference:
    rows = rows_of(declaration, [_outcomes(declaration, events, events.labels).slice(0, events.past)])
    package = pack(fit("linear", rows.training_data(declaration)), rows.frame.take(range(GOLDEN_ROWS)))
    return PackageReference(version=1, digest=store.put(package), until=events.past)


def _outcomes(declaration: Declaration, events: PastEvents, sent_labels: Mask) -> pa.Table:
    values = zip(*(events.columns[name].tolist() for name in declaration.fields), strict=True)
    rows = zip(sent_labels.tolist(), values, strict=True)
    outcomes = [_outcome(declaration, offset, *row) for offset, row in enumerate(rows)]
    return pa.Table.from_pylist(outcomes, schema=schema_of(declaration))  # missing keys become null


def _outcome(declaration: Declaration, offset: int, label: bool, values: Sequence[float]) -> dict[str, Any]:
    time = START + timedelta(minutes=offset)
    return {
        "offset": offset,
        "source": "poison",
        "id": f"event-{offset}",
        "time": time,
        "label_time": time + DELAY,
        "revision": 0,
        "label": CLASSES[label],
        "served": CLASSES[0],  # which no score counts: the champion is its package
        **{FIELD + name: value for name, value in zip(declaration.fields, values, strict=True)},
    }
