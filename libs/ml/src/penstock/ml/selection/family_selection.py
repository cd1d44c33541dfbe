"""Selects a family, and how far back to learn from, by cross-validation on the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.class_index import class_order
from penstock.ml.features.frame import Frame
from penstock.ml.metrics import primary_metric
from penstock.ml.metrics.objective import Objective
from penstock.ml.models.families import FAMILIES
from penstock.ml.models.model import Model
from penstock.ml.models.training_data import TrainingData
from penstock.ml.selection.cross_validation import (
    CandidateResult,
    CandidateSpec,
    CrossValidation,
    FoldOutput,
    Validate,
    selection_mean,
    validate_defaults,
)
from penstock.ml.selection.validation_plan import Fold, ValidationPlan


class NoModelTrained(ValueError):
    """No family could be trained and scored; the message says why each failed."""


@dataclass(frozen=True, slots=True)
class CostPreference:
    """The cheapest of those candidates is best whose mean score is `within` of the highest, in the metric's unit.

    `cost` gives what it costs a model to answer such rows, in any unit.
    """

    within: float
    cost: Callable[[Model, Frame], float]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The best candidate, and the evidence.

    `scores` holds the objective's metric of each fold by candidate. `outputs` holds, for the best candidate of each
    choice of rows with and without lag features, and of each family, its outputs on test rows by models that saw only
    rows before; the best of all comes first. `oldest` holds the outputs of the first fold's model of each for all rows
    from its test on, none where there is one fold. `failed` gives the reason by candidate; `pruned` counts the
    candidates that were stopped early.
    """

    scores: dict[str, list[float]]
    outputs: dict[CandidateSpec, list[FoldOutput]]
    oldest: dict[CandidateSpec, FoldOutput] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    pruned: int = 0

    @property
    def best(self) -> CandidateSpec:
        """The best candidate; with a cost preference the cheapest of the nearly best."""
        return next(iter(self.outputs))

    @property
    def holdout(self) -> FoldOutput:
        """The rows of the last test, and the best candidate's output for them."""
        return self.outputs[self.best][-1]

    @property
    def tests(self) -> list[slice]:
        """The tests of the folds, in the order of time."""
        first = self.oldest[self.best].rows.start if self.oldest else self.holdout.rows.start
        return [rows for rows, _ in self.outputs[self.best] if rows.start >= first]

    def outputs_of_best(self, n: int) -> NDArray[np.float64]:
        """The best candidate's outputs for n rows by models that had not seen them, shape (n, k), NaN elsewhere."""
        probabilities = self.holdout.output.probabilities
        width = 1 if probabilities is None else probabilities.shape[1]
        outputs = np.full((n, width), np.nan)
        for rows, output in self.outputs[self.best]:
            outputs[rows] = output.numbers(width)
        return outputs

    def aged_outputs_of_best(self, n: int) -> NDArray[np.float64]:
        """The outputs of the best candidate's model of the first fold for the rows after it; NaN elsewhere."""
        outputs = self.outputs_of_best(n)
        if self.oldest:
            rows, output = self.oldest[self.best]
            outputs[rows] = output.numbers(outputs.shape[1])
        return outputs


def select_family(
    families: Sequence[str],
    data: TrainingData,
    plan: ValidationPlan | None = None,
    *,
    objective: Objective | None = None,
    seed: int = 0,
    validate: Validate = validate_defaults,
    preference: CostPreference | None = None,
) -> Selection:
    """Validate each family on folds in time order and select the best mean score, by the objective's metric.

    The last fold, where there is another, selects nothing: it is the holdout that the best is judged on.

    Each family is a candidate several times, learning from all rows, from the newest only, and from those since each of
    `plan.changes`, and all are scored on rows after the newest of these: so it shows whether old rows mislead. With
    lag features each is a candidate with and without them. `validate` may add candidates with other settings.

    Without an objective the metric is accuracy, or the mean absolute error. Ties are broken by the smaller log loss,
    then by the simpler family, then by more rows. A candidate that fails in a fold is left out with its reason.

    Raises:
        NoModelTrained: no candidate is left, or no label was known before the last row.
    """
    plan = plan or ValidationPlan()
    splits, starts = plan.folds(len(data))
    if not splits:
        raise NoModelTrained(f"{len(data)} rows of which no label was known before the last cannot validate a model")
    if data.task != "regression":
        data = replace(data, classes=class_order(data.labels, data.classes))
    objective = objective or Objective(primary_metric(data.task), len(data.classes or ()))
    validation = CrossValidation(families, data, objective, splits, starts, seed)
    report = validate(validation)
    if not report.results:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in report.failed.items())
        raise NoModelTrained(reasons or "no family was named")
    candidates = _best_of_each_kind(validation, report.results, preference)
    earlier = plan.folds_before(splits[0].test.start) if starts[-1] else []
    outputs = {each: _outputs(validation, each, report.results[each], earlier) for each in candidates}
    oldest = {each: validation.outputs_of_oldest(each) for each in candidates} if len(splits) > 1 else {}
    scores = {candidate.name: result.scores for candidate, result in report.results.items()}
    return Selection(scores, outputs, oldest, report.failed, report.pruned)


def _outputs(
    validation: CrossValidation, candidate: CandidateSpec, result: CandidateResult, earlier: list[Fold]
) -> list[FoldOutput]:
    """The outputs on all folds, and, for a candidate that learns from all rows, on the earlier ones before."""
    before = [] if candidate.start else validation.outputs_on(candidate, earlier)
    return [*before, *(result.outputs or validation.validate(candidate).outputs)]


def _best_of_each_kind(
    validation: CrossValidation, results: dict[CandidateSpec, CandidateResult], preference: CostPreference | None
) -> list[CandidateSpec]:
    """The best of all, the best of each other choice of rows, with and without lag features, and of each other family.

    Where few rows are of a class it is chance which family wins: a blend has all of them, and finds out. Where cheap
    answers are preferred it is one.
    """

    def best_of(candidates: Sequence[CandidateSpec]) -> CandidateSpec:
        return _cheapest(candidates, results, validation, preference) if preference else candidates[0]

    larger = validation.objective.larger_is_better
    ranked = sorted(results, key=lambda candidate: _rank(candidate, results[candidate], larger))
    best = best_of(ranked)
    kinds: dict[tuple[int, int, bool], list[CandidateSpec]] = {best.kind: [best]}
    for candidate in ranked:
        if candidate.kind != best.kind:
            kinds.setdefault(candidate.kind, []).append(candidate)
    of_kinds = [best_of(candidates) for candidates in kinds.values()]
    return of_kinds if preference else list(dict.fromkeys([*of_kinds, *_best_of_each_family(ranked)]))


def _best_of_each_family(ranked: Sequence[CandidateSpec]) -> list[CandidateSpec]:
    of_family: dict[str, CandidateSpec] = {}
    for candidate in ranked:
        of_family.setdefault(candidate.family, candidate)
    return list(of_family.values())


def _cheapest(
    ranked: Sequence[CandidateSpec],
    results: dict[CandidateSpec, CandidateResult],
    validation: CrossValidation,
    preference: CostPreference,
) -> CandidateSpec:
    """Of the candidates that score nearly as well as the first, the one that answers at least cost."""
    best = selection_mean(results[ranked[0]].scores)
    near = [each for each in ranked if abs(selection_mean(results[each].scores) - best) <= preference.within]
    if len(near) == 1:
        return near[0]
    last = validation.folds[-1]
    frame = validation.data.frame.take(last.test)
    return min(near, key=lambda candidate: preference.cost(validation.train(candidate, last.train), frame))


def _rank(
    candidate: CandidateSpec, result: CandidateResult, larger_is_better: bool
) -> tuple[float, float, int, CandidateSpec]:
    """Smaller is better; rounded so that noise in the last digits counts as equal."""
    mean = (-1 if larger_is_better else 1) * selection_mean(result.scores)
    mean_log_loss = selection_mean(result.log_losses) if result.log_losses else 0.0
    return _significant(mean), _significant(mean_log_loss), list(FAMILIES).index(candidate.family), candidate


def _significant(number: float) -> float:
    return float(f"{number:.9g}")
