"""Choosing a family, and how far back to learn from, on the past alone: time-ordered validation, late labels respected."""

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


@dataclass(frozen=True, slots=True, order=True)
class Contender:
    """A family, the row it learns from on, and whether it is shown what was known (`lagged`)."""

    family: str
    start: int = 0
    lagged: bool = False

    @property
    def name(self) -> str:
        """How records call it.

        >>> Contender("boosting", 100, lagged=True).name
        'boosting with lags, rows from 100'
        """
        return self.family + " with lags" * self.lagged + (f", rows from {self.start}" if self.start else "")


Train = Callable[[Contender, slice], Model]
Tried = tuple[slice, Answers]
"""Rows, and the answers to them by a model that had seen only rows before."""


class NothingTrained(ValueError):
    """No family could be trained and judged; the message says why each failed."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The contender chosen, and the evidence.

    `scores` holds the primary metric of each fold by contender; `tried` the rows of each fold's test and the answers to
    them by models that saw only rows before, of the best contender of each start with and without lags, best first; the
    first is the one `chosen`. `failed` tells by contender why it was left out.
    """

    scores: dict[str, list[float]]
    tried: dict[Contender, list[Tried]]
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def chosen(self) -> Contender:
        """The best of all."""
        return next(iter(self.tried))

    @property
    def holdout(self) -> slice:
        """The rows of the last test."""
        return self.tried[self.chosen][-1][0]

    @property
    def holdout_predictions(self) -> Answers:
        """What the one chosen answered to the holdout."""
        return self.tried[self.chosen][-1][1]


@dataclass(slots=True)
class _Record:
    scores: list[float] = field(default_factory=list)
    log_losses: list[float] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)


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
    since: int | None = None,
    lagged: Sequence[Field] = (),
) -> Selection:
    """Try each family on `count` folds of n rows in time order and choose the best mean score.

    When the world changed at row `since`, each family contends twice, learning from all rows and from those since
    alone, and all are judged on rows after the change: old rows help or mislead, and which it is shows there. With
    fields that say what was known (`lagged`), each contends with and without them. Those that learn from all rows are
    tried on what came before, too, which counts for nothing here.

    Equal scores are settled by the smaller log loss, then by the simpler family, then by more rows. A contender that
    fails in a fold is left out with its reason. Raises NothingTrained when none is left or when the rows are too few
    for one fold.
    """
    after = _shifted(folds(len(frame) - since, count, gap), since) if since else []
    splits = after or folds(len(frame), count, gap)
    starts = (0, since) if after and since else (0,)
    if not splits:
        raise NothingTrained(f"{len(frame)} rows with labels {gap} rows late are too few to validate a model")
    order = None if task == "regression" else class_order(labels, classes)

    def train(contender: Contender, before: slice) -> Model:
        rows = slice(contender.start, before.stop)
        shown = [*fields, *lagged] if contender.lagged else fields
        known = frame.take(rows), labels[rows]
        return fit(contender.family, *known, shown, task, time_parts=time_parts, seed=seed, classes=order)

    views = (False, True) if lagged else (False,)
    contenders = [Contender(family, start, view) for family in families for start in starts for view in views]
    records, failed = _judge_all(contenders, train, splits, frame, labels)
    ranked = sorted(records, key=lambda contender: _rank(contender, records[contender], task))
    scores = {contender.name: record.scores for contender, record in records.items()}
    tried = {contender: records[contender].tried for contender in _best_of_each_kind(ranked)}
    if starts[-1]:
        before = folds(splits[0][1].start, count, gap)
        old = [contender for contender in tried if not contender.start]
        tried |= {contender: [*_tried_before(contender, train, before, frame), *tried[contender]] for contender in old}
    return Selection(scores, tried, failed)


def _tried_before(contender: Contender, train: Train, splits: list[Fold], frame: Frame) -> list[Tried]:
    """What a contender that learns from all rows answered earlier; nothing where it could not learn."""
    try:
        return [(test, train(contender, before).predict(frame.take(test))) for before, test in splits]
    except Exception:  # whatever a learner raises on some early rows, it was judged on later ones
        return []


def _best_of_each_kind(ranked: Sequence[Contender]) -> list[Contender]:
    """Of each start, with and without lags, the first."""
    kinds: dict[tuple[int, bool], Contender] = {}
    for contender in ranked:
        kinds.setdefault((contender.start, contender.lagged), contender)
    return list(kinds.values())


def _shifted(splits: list[Fold], by: int) -> list[Fold]:
    return [
        (slice(train.start + by, train.stop + by), slice(test.start + by, test.stop + by)) for train, test in splits
    ]


def _judge_all(
    contenders: Sequence[Contender], train: Train, splits: list[Fold], frame: Frame, labels: Sequence[Any]
) -> tuple[dict[Contender, _Record], dict[str, str]]:
    records: dict[Contender, _Record] = {}
    failed: dict[str, str] = {}
    for contender in contenders:
        try:
            records[contender] = _judge(partial(train, contender), splits, frame, labels)
        except Exception as error:  # whatever a learner raises, the others still run
            failed[contender.name] = f"{type(error).__name__}: {error}"
    if not records:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
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
        record.tried.append((test, answers))
    return record


def _rank(contender: Contender, record: _Record, task: Task) -> tuple[float, float, int, int, bool]:
    """Smaller is better; rounded so that noise in the last digits counts as equal."""
    mean = float(np.mean(record.scores)) * (1 if task == "regression" else -1)
    doubt = float(np.mean(record.log_losses)) if record.log_losses else 0.0
    family = list(FAMILIES).index(contender.family)
    return round(mean, 9), round(doubt, 9), family, contender.start, contender.lagged
