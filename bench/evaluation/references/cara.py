"""Cara: retrain when the newest loss of the serving model says that it pays, by a threshold that is tuned beforehand.

Mahadevan, Mathioudakis: Cost-aware retraining for machine learning, Knowledge-Based Systems 293, 2024 (arXiv
2310.04216, 2023). In every batch a model is either kept, which costs its staleness, or trained anew, which costs a
price. Three rules are tuned on a first part of the stream, where models of every batch are trained and every strategy
can be simulated: retrain when the staleness of a batch exceeds a threshold, when that since the last training does in
total, or every so many batches. The rule that would have been the cheapest then decides from there on.

Staleness is here the serving model's mean loss on the rows whose labels became known in the batch: the rows that are
asked are those whose labels come later, so that no similarity between queries and data has to be assumed.
"""

from __future__ import annotations

import time
from typing import Literal, NamedTuple

import numpy as np

from bench.evaluation.references.answers import ReferencePredictions, answers_without_model
from bench.evaluation.references.batch_models import MIN_LABELS, Model, fit
from bench.evaluation.references.calendars import WARMUP_DIVISOR, known_rows
from bench.evaluation.references.feature_matrix import FeatureMatrix, Matrix
from bench.evaluation.references.label_delay import LabelCutoffs

BATCHES = 100  # of the whole file; the first tenth of them is simulated
PRICE = 2.0  # a training costs as much as the loss of so many batches under a model just trained
CANDIDATES = 50  # thresholds that are tried, at most


class Rule(NamedTuple):
    """Retrain when the loss of a batch, the sum of losses, or the number of batches since a training exceeds this."""

    kind: Literal["threshold", "cumulative", "periodic"]
    limit: float

    def retrains(self, loss: float, total_loss: float, batches: int) -> bool:
        """Whether to retrain, after a batch with this loss; `total_loss` and `batches` are since the last training."""
        return {"threshold": loss, "cumulative": total_loss, "periodic": float(batches)}[self.kind] > self.limit


def predict_by_cara(rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int) -> ReferencePredictions:
    """Tune a rule on the first tenth of the rows, then train at its end and whenever the rule says so."""
    answers, start = answers_without_model(rows, cutoffs), time.process_time()
    starts = [len(rows) * batch // BATCHES for batch in range(BATCHES)]
    first = BATCHES // WARMUP_DIVISOR
    rule = cheapest_rule(*_first_losses(rows, cutoffs, starts[: first + 1], seed))
    model: Model | None = None
    trained = trained_rows = batches = 0
    total_loss = 0.0
    for batch in range(first, BATCHES):
        row = starts[batch]
        known = known_rows(rows.labels, int(cutoffs[row]))
        if model is not None:
            loss, batches = _newest_loss(rows, model, int(cutoffs[starts[batch - 1]]), int(cutoffs[row])), batches + 1
            total_loss += loss
        if len(known) >= MIN_LABELS and (model is None or rule.retrains(loss, total_loss, batches)):
            model, total_loss, batches = fit(rows, known, "boosting", seed), 0.0, 0
            trained, trained_rows = trained + 1, trained_rows + len(known)
            answered_rows = slice(row + training_delay, len(rows))
            if len(rows.labels[answered_rows]):
                answers.put(answered_rows, model(rows.features[answered_rows]))
    return ReferencePredictions(answers, trained, trained_rows, time.process_time() - start)


def cheapest_rule(losses: Matrix, price: float) -> Rule:
    """The rule with the least cost over the batches.

    Args:
        losses: of the model of batch i (row) on batch j (column), shape (b, b); known from j = i on.
        price: of a training, in the unit of a batch's loss.
    """
    totals = np.nancumsum(losses, axis=1).ravel()
    thresholds, sums = (np.unique(values[np.isfinite(values)]) for values in (losses.ravel(), totals))
    rules = [Rule("periodic", float(batches)) for batches in range(len(losses), -1, -1)]
    rules += [Rule("threshold", float(limit)) for limit in _spread(thresholds)]
    rules += [Rule("cumulative", float(limit)) for limit in _spread(sums)]
    return min(rules, key=lambda rule: strategy_cost(rule, losses, price))


def strategy_cost(rule: Rule, losses: Matrix, price: float) -> float:
    """What the rule would have cost: in each batch the loss of the model that is kept, or the price of a training.

    >>> strategy_cost(Rule("periodic", 1), np.array([[1.0, 2.0, 3.0], [0, 1.0, 2.0], [0, 0, 1.0]]), 1.5)
    5.5
    """
    model = batches = 0
    cost = price
    total_loss = 0.0
    for batch in range(1, len(losses)):
        loss, batches = float(np.nan_to_num(losses[model, batch])), batches + 1
        total_loss += loss
        if rule.retrains(loss, total_loss, batches):
            model, batches, total_loss, cost = batch, 0, 0.0, cost + price
        else:
            cost += loss
    return cost


def _first_losses(rows: FeatureMatrix, cutoffs: LabelCutoffs, starts: list[int], seed: int) -> tuple[Matrix, float]:
    """The mean loss of each batch's model on each batch of the first tenth, and the price of a training.

    Labels that are not known at the end of the tenth do not count.
    """
    labels = rows.labels.copy()
    labels[int(cutoffs[starts[-1]]) :] = np.nan
    losses = np.full((len(starts) - 1, len(starts) - 1), np.nan)
    for batch, row in enumerate(starts[:-1]):
        known = known_rows(labels, int(cutoffs[row]))
        if len(known) >= MIN_LABELS:
            later = slice(row, starts[-1])
            of_rows = fit(rows, known, "boosting", seed)(rows.features[later]).losses(labels[later])
            for other in range(batch, len(losses)):
                losses[batch, other] = _mean(of_rows[starts[other] - row : starts[other + 1] - row])
    trained = np.isfinite(losses).any(axis=1)
    known_losses = losses[np.ix_(trained, trained)]
    return known_losses, PRICE * _mean(known_losses.diagonal())


def _newest_loss(rows: FeatureMatrix, model: Model, start: int, stop: int) -> float:
    newest = slice(start, stop)
    return (
        float(np.nan_to_num(_mean(model(rows.features[newest]).losses(rows.labels[newest])))) if stop > start else 0.0
    )


def _mean(losses: Matrix) -> float:
    known = losses[~np.isnan(losses)]
    return float(known.mean()) if len(known) else np.nan


def _spread(values: Matrix) -> Matrix:
    """At most `CANDIDATES` of the values, evenly by rank."""
    return values[np.unique(np.linspace(0, len(values) - 1, min(CANDIDATES, len(values))).astype(np.int64))]
