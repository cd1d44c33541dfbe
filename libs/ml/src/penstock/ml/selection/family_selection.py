"""Choosing a family, and how far back to learn from, on the past alone: time-ordered validation, late labels respected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from penstock.ml.features.class_index import class_order
from penstock.ml.features.encoding import TimePart
from penstock.ml.features.frame import Field, Frame
from penstock.ml.models.families import FAMILIES
from penstock.ml.models.model import Model, ModelOutput, Task
from penstock.ml.selection.cross_validation import CandidateSpec, CrossValidation, Judge, Record, Tried, each_as_it_is
from penstock.ml.selection.folds import folds, shifted


class NothingTrained(ValueError):
    """No family could be trained and judged; the message says why each failed."""


@dataclass(frozen=True, slots=True)
class CostPreference:
    """That the cheapest is wanted of those whose mean score is `within` of the best, in the metric's unit.

    `cost` says what answering such rows takes a model, in any unit.
    """

    within: float
    cost: Callable[[Model, Frame], float]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The contender chosen, and the evidence.

    `scores` holds the primary metric of each fold by contender; `tried` the rows of each fold's test and the answers to
    them by models that saw only rows before, of the best contender of each start with and without lags, best first; the
    first is the one `chosen`. `failed` tells by contender why it was left out; `pruned` counts those given up early.
    """

    scores: dict[str, list[float]]
    tried: dict[CandidateSpec, list[Tried]]
    failed: dict[str, str] = field(default_factory=dict)
    pruned: int = 0

    @property
    def chosen(self) -> CandidateSpec:
        """The best of all."""
        return next(iter(self.tried))

    @property
    def holdout(self) -> slice:
        """The rows of the last test."""
        return self.tried[self.chosen][-1][0]

    @property
    def holdout_predictions(self) -> ModelOutput:
        """What the one chosen answered to the holdout."""
        return self.tried[self.chosen][-1][1]


def select_family(
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
    judge: Judge = each_as_it_is,
    thrift: CostPreference | None = None,
) -> Selection:
    """Try each family on `count` folds of n rows in time order and choose the best mean score.

    When the world changed at row `since`, each family contends twice, learning from all rows and from those since
    alone, and all are judged on rows after the change: old rows help or mislead, and which it is shows there. With
    fields that say what was known (`lagged`), each contends with and without them. Those that learn from all rows are
    tried on what came before, too, which counts for nothing here. `judge` may let more contend, with settings of its
    own.

    Equal scores are settled by the smaller log loss, then by the simpler family, then by more rows. With `thrift` the
    cheapest of the nearly best goes before the best. A contender that fails in a fold is left out with its reason.
    Raises NothingTrained when none is left or when the rows are too few for one fold.
    """
    after = shifted(folds(len(frame) - since, count, gap), since) if since else []
    splits = after or folds(len(frame), count, gap)
    starts = (0, since) if after and since else (0,)
    if not splits:
        raise NothingTrained(f"{len(frame)} rows with labels {gap} rows late are too few to validate a model")
    order = None if task == "regression" else class_order(labels, classes)
    contest = CrossValidation(
        families, frame, labels, fields, task, splits, starts, lagged,
        time_parts=time_parts, seed=seed, classes=order,
    )  # fmt: skip
    return _settled(contest, judge, thrift, folds(splits[0][1].start, count, gap) if starts[-1] else [])


def _settled(
    contest: CrossValidation, judge: Judge, thrift: CostPreference | None, earlier: list[tuple[slice, slice]]
) -> Selection:
    """The best of each kind; those that learn from all rows are tried on the `earlier` folds, too."""
    judged = judge(contest)
    if not judged.records:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in judged.failed.items())
        raise NothingTrained(reasons or "no family was named")
    ranked = sorted(judged.records, key=lambda contender: _rank(contender, judged.records[contender], contest.task))
    tried = {}
    for contender in _best_of_each_kind(ranked, lambda among: _cheapest(among, judged.records, contest, thrift)):
        before = [] if contender.start else contest.tried_before(contender, earlier)
        tried[contender] = [*before, *(judged.records[contender].tried or contest.record(contender).tried)]
    scores = {contender.name: record.scores for contender, record in judged.records.items()}
    return Selection(scores, tried, judged.failed, judged.pruned)


def _best_of_each_kind(
    ranked: Sequence[CandidateSpec], first: Callable[[Sequence[CandidateSpec]], CandidateSpec]
) -> list[CandidateSpec]:
    """The first of all, then of each other start, with and without lags, the first."""
    chosen = first(ranked)
    kinds: dict[tuple[int, bool], list[CandidateSpec]] = {_kind(chosen): [chosen]}
    for contender in ranked:
        if _kind(contender) != _kind(chosen):
            kinds.setdefault(_kind(contender), []).append(contender)
    return [first(of_a_kind) for of_a_kind in kinds.values()]


def _kind(contender: CandidateSpec) -> tuple[int, bool]:
    return contender.start, contender.lagged


def _cheapest(
    ranked: Sequence[CandidateSpec],
    records: dict[CandidateSpec, Record],
    contest: CrossValidation,
    thrift: CostPreference | None,
) -> CandidateSpec:
    """The first; with thrift, of those near it the one that answers at least cost."""
    if thrift is None:
        return ranked[0]
    best = _mean(records[ranked[0]])
    near = [contender for contender in ranked if abs(_mean(records[contender]) - best) <= thrift.within]
    if len(near) == 1:
        return near[0]
    before, test = contest.splits[-1]
    asked = contest.frame.take(test)
    return min(near, key=lambda contender: thrift.cost(contest.train(contender, before), asked))


def _mean(record: Record) -> float:
    return float(np.mean(record.scores))


def _rank(contender: CandidateSpec, record: Record, task: Task) -> tuple[float, float, int, CandidateSpec]:
    """Smaller is better; rounded so that noise in the last digits counts as equal."""
    mean = _mean(record) * (1 if task == "regression" else -1)
    doubt = float(np.mean(record.log_losses)) if record.log_losses else 0.0
    return round(mean, 9), round(doubt, 9), list(FAMILIES).index(contender.family), contender
