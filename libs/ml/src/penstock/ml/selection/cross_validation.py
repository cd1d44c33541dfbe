"""Cross-validation of candidates on folds in time order, late labels respected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import NamedTuple

import numpy as np

from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics import log_loss
from penstock.ml.metrics.objective import Answers, Objective
from penstock.ml.models.families import fit
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.models.search_space import Settings, describe
from penstock.ml.models.training_data import TrainingData
from penstock.ml.selection.decision_rule import decided, decision_costs
from penstock.ml.selection.validation_plan import Fold, Rows, as_slice

WINDOW_SHARE, LEAST_WINDOW = 1 / 8, 500  # of all rows, and rows: where a stream grows or changes old rows mislead


@dataclass(frozen=True, slots=True, order=True)
class CandidateSpec:
    """What defines a candidate: its family, which rows it learns from, whether it uses lag features, and its settings.

    It learns from row `start` on, and with a `window` from the newest so many rows only.
    """

    family: str
    start: int = 0
    lag_features: bool = False
    settings: Settings = ()
    window: int = 0

    @property
    def name(self) -> str:
        """How records call it.

        >>> CandidateSpec("boosting", 100, lag_features=True, settings=(("max_iter", 200),)).name
        'boosting (max_iter 200) with lags, rows from 100'
        """
        settings = f" ({describe(self.settings)})" if self.settings else ""
        start = f", rows from {self.start}" if self.start else ""
        window = f", newest {self.window} rows" if self.window else ""
        return self.family + settings + " with lags" * self.lag_features + start + window

    @property
    def kind(self) -> tuple[int, int, bool]:
        """Which rows and features it learns from."""
        return self.start, self.window, self.lag_features

    def learnt_rows(self, rows: Rows) -> Rows:
        """Those of the rows, ascending, that it learns from.

        >>> CandidateSpec("linear", 3, window=2).learnt_rows(np.arange(7)).tolist()
        [5, 6]
        """
        later = rows[rows >= self.start]
        return later[-self.window :] if self.window else later


class FoldOutput(NamedTuple):
    """The test rows of a fold, and the output for them of a model that had seen only rows before."""

    rows: slice
    output: ModelOutput


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """A candidate's score on one fold (0 where it is undefined), its log loss (None for numbers), and its output."""

    score: float
    log_loss: float | None
    output: FoldOutput


@dataclass(slots=True)
class CandidateResult:
    """A candidate's scores and log losses by fold. `outputs` may be empty: a search does not keep them."""

    scores: list[float] = field(default_factory=list)
    log_losses: list[float] = field(default_factory=list)
    outputs: list[FoldOutput] = field(default_factory=list)

    def add(self, fold: FoldResult) -> None:
        """Add the result of the next fold."""
        self.scores.append(fold.score)
        self.outputs.append(fold.output)
        if fold.log_loss is not None:
            self.log_losses.append(fold.log_loss)


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The results of candidates that completed every fold, why others `failed`, by name, and how many were pruned."""

    results: dict[CandidateSpec, CandidateResult]
    failed: dict[str, str] = field(default_factory=dict)
    pruned: int = 0


Validate = Callable[["CrossValidation"], ValidationReport]


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Families and labelled rows, cut into folds.

    `starts` are the rows that training may begin at; each family is also a candidate that learns from the newest rows
    only, where there are many more (`windows`), and with lag features among the data with and without them.
    """

    families: Sequence[str]
    data: TrainingData
    objective: Objective
    folds: list[Fold]
    starts: tuple[int, ...] = (0,)
    seed: int = 0

    @property
    def lag_options(self) -> tuple[bool, ...]:
        """Without lag features, and with them if there are any."""
        return (False, True) if self.data.lag_fields else (False,)

    @property
    def windows(self) -> tuple[int, ...]:
        """0 for all rows, and how many of the newest ones also make a model of their own, of rows enough."""
        window = max(LEAST_WINDOW, int(len(self.data) * WINDOW_SHARE))
        return (0, window) if len(self.data) >= 4 * window else (0,)

    @property
    def row_choices(self) -> list[tuple[int, int]]:
        """Which rows candidates learn from: start and window."""
        return [(start, 0) for start in self.starts] + [(0, window) for window in self.windows if window]

    @property
    def default_candidates(self) -> list[CandidateSpec]:
        """Every family with its defaults, for every choice of rows, with and without lag features."""
        return [
            CandidateSpec(family, start, lag_features, window=window)
            for family in self.families
            for start, window in self.row_choices
            for lag_features in self.lag_options
        ]

    def train(self, candidate: CandidateSpec, rows: Rows) -> Model:
        """The candidate's model of those of the rows that it learns from."""
        return fit_candidate(candidate, self.data, rows, self.seed)

    def test(self, candidate: CandidateSpec, fold: Fold) -> FoldResult:
        """Train on a fold's training rows and score its test rows."""
        model = self.train(candidate, fold.train)
        test_data = self.data.take(fold.test)
        output = model.predict(test_data.frame)
        probabilities = output.probabilities
        mean_log_loss = None if probabilities is None else log_loss(test_data.labels, probabilities, model.classes)
        classes = self.data.classes or ()
        labels, answers = ClassIndex(classes).numbers(test_data.labels), answers_of(output, classes)
        if probabilities is not None:  # by the rule that suits the fold, so that candidates are compared at their best
            answers = decided(probabilities, decision_costs(self.objective, labels, probabilities))
        score = self.objective.score(labels, answers)
        score = 0.0 if isnan(score) else score  # the labels have one class, which is so for every candidate
        return FoldResult(score, mean_log_loss, FoldOutput(fold.test, output))

    def validate(self, candidate: CandidateSpec) -> CandidateResult:
        """The candidate's results on all folds."""
        result = CandidateResult()
        for fold in self.folds:
            result.add(self.test(candidate, fold))
        return result

    def outputs_on(self, candidate: CandidateSpec, folds: list[Fold]) -> list[FoldOutput]:
        """The candidate's outputs on further folds; none where it cannot learn from their rows."""
        try:
            return [self.test(candidate, fold).output for fold in folds]
        except Exception:  # whatever a learner raises on some early rows, its scores are of later ones
            return []

    def outputs_of_oldest(self, candidate: CandidateSpec) -> FoldOutput:
        """The outputs of the first fold's model for all rows from its test on: what it answers as it ages."""
        fold = self.folds[0]
        rows = slice(fold.test.start, len(self.data))
        return FoldOutput(rows, self.train(candidate, fold.train).predict(self.data.frame.take(rows)))


def fit_candidate(candidate: CandidateSpec, data: TrainingData, rows: Rows, seed: int) -> Model:
    """The candidate's model of those of the rows that it learns from."""
    learnt = data.take(as_slice(candidate.learnt_rows(rows)))
    learnt = learnt.with_lag_features() if candidate.lag_features else learnt
    return fit(candidate.family, learnt, seed=seed, settings=candidate.settings)


def selection_mean(fold_scores: Sequence[float]) -> float:
    """The mean over all folds but the last: that one selects nothing, since the winner is judged on its rows.

    >>> selection_mean([0.5, 0.75, 0.0]), selection_mean([0.5])
    (0.625, 0.5)
    """
    return float(np.mean(fold_scores[:-1] or fold_scores))


def answers_of(output: ModelOutput, classes: Sequence[str]) -> Answers:
    """A model's output as an objective takes it; `classes` are the model's, none for a regression."""
    return Answers(ClassIndex(classes).numbers(output.values), output.probabilities)


def validate_defaults(validation: CrossValidation) -> ValidationReport:
    """Validate every family with its defaults; one that fails in a fold is left out with its reason."""
    results: dict[CandidateSpec, CandidateResult] = {}
    failed: dict[str, str] = {}
    for candidate in validation.default_candidates:
        try:
            results[candidate] = validation.validate(candidate)
        except Exception as error:  # whatever a learner raises, the others still run
            failed[candidate.name] = failure_reason(error)
    return ValidationReport(results, failed)


def failure_reason(error: Exception) -> str:
    """Why a candidate was left out."""
    return f"{type(error).__name__}: {error}"
