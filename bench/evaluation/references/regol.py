"""Regol: retrain when the forecast losses of the serving model and of a new one say that a training pays.

Regol, Schwinn, Sprague, Coates, Markovich: When to retrain a machine learning model, ICML 2025 (PMLR 267, arXiv
2505.14903): the uncertainty-performance forecaster, read in its abstract and in summaries of it, not in full.

Theirs: a schedule costs what its models lose until the horizon, and a price for each training. From the few losses
known of earlier models, a regression with uncertainty forecasts those of model i at a later time j. It sees when the
model was trained, its age, the time, and a summary of how far the data has shifted; it is first fitted to models of
each batch of a first part of the stream, and again with each loss of the model that serves. The model is trained anew
when the 95 % quantile of what it costs to keep it is above that of training one now. Forecasts are Gaussian, which is
their approximation of a bounded metric's beta distribution.

Ours: the losses are log losses or absolute errors, which have no bound, in units of the mean loss of the models of the
first tenth on the batch after their training. The horizon is ten batches of a hundred, wherever the file ends, and the
price is Cara's, not tuned: two batches' loss under a model just trained. The regression is scikit-learn's Bayesian
ridge. It sees the last known loss of the model, too, which is 1 of a model just trained; when a model was trained is
told by one over the root of the batches it learnt from, as learning curves go. The shift is the mean distance of the
columns' means in the newest batch from those in the batch before the training, in standard deviations of the first
tenth. The batch of a loss is that in which the labels became known.
"""

from __future__ import annotations

import time
from statistics import NormalDist

import numpy as np
from sklearn.linear_model import BayesianRidge

from bench.evaluation.references.answers import ReferencePredictions, answers_without_model
from bench.evaluation.references.batch_models import MIN_LABELS, Model, fit
from bench.evaluation.references.calendars import WARMUP_DIVISOR, known_rows
from bench.evaluation.references.cara import BATCHES, PRICE
from bench.evaluation.references.feature_matrix import FeatureMatrix, Matrix
from bench.evaluation.references.label_delay import LabelCutoffs

FIRST = BATCHES // WARMUP_DIVISOR  # batches of the first tenth
HORIZON = 10  # batches over which costs are summed
AHEAD = HORIZON // 2  # batches; forecasts are linear in time, so that the middle of the horizon tells its mean
DEVIATIONS = NormalDist().inv_cdf(0.95)  # above the mean of a forecast: the quantile that is compared


def predict_by_regol(
    rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int
) -> ReferencePredictions:
    """Train a model for each batch of the first tenth, then at its end and whenever the forecasts say so."""
    answers, start = answers_without_model(rows, cutoffs), time.process_time()
    starts = [len(rows) * batch // BATCHES for batch in range(BATCHES)]
    losses, shifts = _first_losses(rows, cutoffs, starts, seed), feature_shifts(rows.features, starts)
    unit = _mean(losses.diagonal()) or 1.0
    serving: tuple[int, Model] | None = None
    trained = trained_rows = 0
    for batch in range(FIRST, BATCHES):
        row = starts[batch]
        known = known_rows(rows.labels, int(cutoffs[row]))
        if serving is not None:
            trained_at, model = serving
            losses[trained_at, batch - 1] = _loss(rows, model, cutoffs, starts, batch - 1)
        if len(known) >= MIN_LABELS and (serving is None or pays(losses / unit, shifts, serving[0], batch)):
            model = fit(rows, known, "boosting", seed)
            serving, trained, trained_rows = (batch, model), trained + 1, trained_rows + len(known)
            answered_rows = slice(row + training_delay, len(rows))
            if len(rows.labels[answered_rows]):
                answers.put(answered_rows, model(rows.features[answered_rows]))
    return ReferencePredictions(answers, trained, trained_rows, time.process_time() - start)


def pays(losses: Matrix, shifts: Matrix, serving: int, batch: int) -> bool:
    """Whether a model trained at the start of a batch is forecast to save more than the price until the horizon.

    Args:
        losses: of the model of batch i (row) on batch j (column), shape (b, b), NaN where it is not known; 1 is the
            loss of a model just trained.
        shifts: of the data before batch j (column) from that before batch i (row), shape (b, b).
        serving: the batch at whose start the serving model was trained.
        batch: the batch that starts.
    """
    known = np.argwhere(np.isfinite(losses)).tolist()
    if not known:
        return False
    examples = [_features(losses, shifts, model, max(model, asked - AHEAD), asked - model) for model, asked in known]
    forecaster = BayesianRidge().fit(examples, losses[np.isfinite(losses)])
    questions = [_features(losses, shifts, model, batch, batch + AHEAD - model) for model in (serving, batch)]
    means, deviations = forecaster.predict(questions, return_std=True)
    kept, renewed = (means + DEVIATIONS * deviations).tolist()
    return bool(HORIZON * (kept - renewed) > PRICE)


def feature_shifts(features: Matrix, starts: list[int]) -> Matrix:
    """How far the newest batch is from that before each earlier batch, shape (b, b); a missing value counts as 0.

    Columns that do not vary in the first tenth do not count.
    """
    values = np.nan_to_num(features)
    varying = np.ptp(values[: starts[FIRST]], axis=0) > 0
    values = values[:, varying] / values[: starts[FIRST], varying].std(axis=0)
    sizes = np.diff([*starts, len(values)])
    means = np.add.reduceat(values, starts, axis=0) / np.maximum(sizes, 1)[:, None]
    before = means[[0, *range(len(starts) - 1)]]
    distances: Matrix = np.abs(before[:, None] - before[None]).sum(axis=2) / max(1, values.shape[1])
    return distances


def _features(losses: Matrix, shifts: Matrix, model: int, origin: int, age: float) -> list[float]:
    """What the forecaster sees at the start of batch `origin` of a model's loss at an age."""
    of_model = losses[model, model:origin]
    known = of_model[np.isfinite(of_model)]
    last = float(known[-1]) if len(known) else 1.0
    return [float(max(1, model)) ** -0.5, age / HORIZON, (model + age) / HORIZON, last, float(shifts[model, origin])]


def _first_losses(rows: FeatureMatrix, cutoffs: LabelCutoffs, starts: list[int], seed: int) -> Matrix:
    """The mean loss of each batch's model on each batch of the first tenth, shape (b, b), NaN elsewhere."""
    losses = np.full((BATCHES, BATCHES), np.nan)
    for batch in range(FIRST):
        known = known_rows(rows.labels, int(cutoffs[starts[batch]]))
        if len(known) >= MIN_LABELS:
            model = fit(rows, known, "boosting", seed)
            for later in range(batch, FIRST):
                losses[batch, later] = _loss(rows, model, cutoffs, starts, later)
    return losses


def _loss(rows: FeatureMatrix, model: Model, cutoffs: LabelCutoffs, starts: list[int], batch: int) -> float:
    """The mean loss on the rows whose labels become known in a batch that is not the last; NaN without any."""
    newest = slice(int(cutoffs[starts[batch]]), int(cutoffs[starts[batch + 1]]))
    if newest.start == newest.stop:
        return np.nan
    return _mean(model(rows.features[newest]).losses(rows.labels[newest]))


def _mean(losses: Matrix) -> float:
    known = losses[~np.isnan(losses)]
    return float(known.mean()) if len(known) else np.nan
