"""Candidate, champion and constant by the metric that a stream declares as its objective."""

from __future__ import annotations

from math import isnan

from penstock.contracts.records.training import ObjectiveScores, Score
from penstock.ml.metrics import Difference, Interval
from penstock.ml.metrics.objective import Answers, Objective
from penstock.trainer.evaluation.comparison import Comparison, Floats
from penstock.trainer.evaluation.scores import gain_score

ROOTS = ("rmse", "rmsle")


def objective_scores(objective: Objective, comparison: Comparison, freshness: float) -> ObjectiveScores:
    """The scores on the rows of the comparison; `freshness` is what the model that serves loses less by an answer."""
    labels, candidate = comparison.labels, comparison.candidate
    constant = comparison.constant_answers(objective)
    champion = constant if comparison.champion is None else comparison.champion
    return ObjectiveScores(
        metric=objective.metric,
        larger_is_better=objective.larger_is_better,
        candidate=_score(objective, labels, candidate),
        champion=_score(objective, labels, champion),
        baseline=_score(objective, labels, constant),
        gain=_gain(objective.gain(labels, champion, candidate)),
        freshness=_in_unit_of_metric(freshness, objective, objective.score(labels, candidate)),
        loss_gain=None if objective.is_mean else _loss_gain(objective, labels, champion, candidate),
    )


def _in_unit_of_metric(freshness: float, objective: Objective, score: float) -> float:
    """A lower loss as a better score: of the root of a mean to first order, of a metric over all rows not at all."""
    if objective.metric in ROOTS:
        return freshness / (2 * score) if score > 0 else 0.0
    return freshness if objective.is_mean else 0.0


def _loss_gain(objective: Objective, labels: Floats, champion: Answers, candidate: Answers) -> Score:
    return gain_score(objective.losses(labels, champion), objective.losses(labels, candidate))


def _score(objective: Objective, labels: Floats, answers: Answers) -> Score:
    value = objective.score(labels, answers)
    low, high = objective.interval(labels, answers).bounds
    return Score(value=0.0 if isnan(value) else value, low=low, high=high, rows=len(labels))


def _gain(gain: Difference) -> Score:
    low, high = Interval(gain.low, gain.high).bounds
    return Score(value=0.0 if isnan(gain.mean) else gain.mean, low=low, high=high, rows=gain.n)
