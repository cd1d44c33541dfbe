"""Choosing a family on the past alone: time-ordered validation that respects late labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import TimeSeriesSplit

from penstock.ml.encoding import TimePart
from penstock.ml.families import FAMILIES, class_order, fit
from penstock.ml.frame import Field, Frame
from penstock.ml.metrics import log_loss, losses, score
from penstock.ml.models import Answers, Model, Task

Fold = tuple[slice, slice]
Train = Callable[[str, slice], Model]


class NothingTrained(ValueError):
    """No family could be trained and judged; the message says why each failed."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The family chosen, and the evidence.

    `scores` holds the primary metric of each fold by family; `holdout_predictions` are the chosen
    family's answers to the rows `holdout` (the last fold), by a model that saw only rows before them;
    `failed` tells by family why it was left out.
    """

    family: str
    scores: dict[str, list[float]]
    holdout: slice
    holdout_predictions: Answers
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Record:
    scores: list[float] = field(default_factory=list)
    log_losses: list[float] = field(default_factory=list)
    answers: Answers | None = None


def folds(n: int, count: int = 3, gap: int = 0) -> list[Fold]:
    """At most `count` pairs of (train, test) rows of n, each trained on all that is known before its test.

    The `gap` rows before a test are left out: their labels would not have arrived yet. Rows too few
    for that, or for a first model worth judging, give fewer folds, down to none.

    >>> folds(8, count=3, gap=1)
    [(slice(0, 1, None), slice(2, 4, None)), (slice(0, 3, None), slice(4, 6, None)), \
(slice(0, 5, None), slice(6, 8, None))]
    """
    for splits in range(count, 1, -1):
        test = n // (splits + 1)
        if n - gap - test * splits >= max(1, test // 2) and test:
            pairs = TimeSeriesSplit(n_splits=splits, gap=gap).split(np.empty(n))
            return [(_span(train), _span(held)) for train, held in pairs]
    test = max(1, (n - gap) // 2)
    return [(slice(0, n - gap - test), slice(n - test, n))] if n - gap - test > 0 else []


def _span(rows: NDArray[np.int64]) -> slice:
    return slice(int(rows[0]), int(rows[-1]) + 1)


def choose(
    families: Sequence[str],
    frame: Frame,
    labels: Sequence[str] | Sequence[float],
    fields: Sequence[Field],
    task: Task,
    *,
    time_parts: Sequence[TimePart] = (),
    seed: int = 0,
    gap: int = 0,
    classes: Sequence[str] | None = None,
    count: int = 3,
) -> Selection:
    """Try each family on `count` folds of n rows in time order and choose the best mean score.

    Equal scores are settled by the smaller log loss, then by the simpler family. A family that fails
    in a fold is left out with its reason. Raises NothingTrained when none is left or when the rows
    are too few for one fold.
    """
    splits = folds(len(frame), count, gap)
    if not splits:
        raise NothingTrained(f"{len(frame)} rows with labels {gap} rows late are too few to validate a model")
    order = None if task == "regression" else class_order(labels, classes)

    def train(family: str, rows: slice) -> Model:
        known = frame.take(rows), labels[rows]
        return fit(family, *known, fields, task, time_parts=time_parts, seed=seed, classes=order)

    records, failed = _judge_all(families, train, splits, frame, labels)
    best = min(records, key=lambda name: _rank(name, records[name], task))
    answers = records[best].answers
    assert answers is not None
    scores = {name: record.scores for name, record in records.items()}
    return Selection(best, scores, splits[-1][1], answers, failed)


def _judge_all(
    families: Sequence[str], train: Train, splits: list[Fold], frame: Frame, labels: Sequence[Any]
) -> tuple[dict[str, _Record], dict[str, str]]:
    records: dict[str, _Record] = {}
    failed: dict[str, str] = {}
    for family in families:
        try:
            records[family] = _judge(partial(train, family), splits, frame, labels)
        except Exception as error:  # whatever a learner raises, the others still run
            failed[family] = f"{type(error).__name__}: {error}"
    if not records:
        reasons = "; ".join(f"{family}: {reason}" for family, reason in failed.items())
        raise NothingTrained(reasons or "no family was named")
    return records, failed


def _judge(train: Callable[[slice], Model], splits: list[Fold], frame: Frame, labels: Sequence[Any]) -> _Record:
    record = _Record()
    for before, test in splits:
        model = train(before)
        answers = model.predict(frame.take(test))
        record.scores.append(score(model.task, losses(model.task, answers.values, labels[test])))
        if answers.probabilities is not None:
            record.log_losses.append(log_loss(labels[test], answers.probabilities, model.classes))
        record.answers = answers
    return record


def _rank(family: str, record: _Record, task: Task) -> tuple[float, float, int]:
    """Smaller is better; rounded so that noise in the last digits counts as equal."""
    mean = float(np.mean(record.scores)) * (1 if task == "regression" else -1)
    doubt = float(np.mean(record.log_losses)) if record.log_losses else 0.0
    return round(mean, 9), round(doubt, 9), list(FAMILIES).index(family)
