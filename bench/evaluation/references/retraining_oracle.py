"""The best that any rule about when to retrain could do: which models to train, chosen knowing every later loss.

By dynamic programming over the cut-offs of a calendar: for every number of trainings, the set of cut-offs whose models,
each serving until the next, lose least.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.references.answers import Answers, ReferencePredictions, answers_without_model
from bench.evaluation.references.batch_models import MIN_LABELS, fit
from bench.evaluation.references.calendars import WARMUP_DIVISOR, calendar_rows, known_rows
from bench.evaluation.references.feature_matrix import FeatureMatrix, Matrix
from bench.evaluation.references.label_delay import LabelCutoffs


def predict_by_oracle(
    rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int, *, step_divisor: int, trainings: int
) -> ReferencePredictions:
    """Train at every cut-off of a calendar on all known labels; answer with the best `trainings` of the models."""
    answers, start = answers_without_model(rows, cutoffs), time.process_time()
    trained_at = [
        row
        for row in calendar_rows(len(rows), step_divisor)
        if len(known_rows(rows.labels, int(cutoffs[row]))) >= MIN_LABELS and row + training_delay < len(rows)
    ]
    starts = [row + training_delay for row in trained_at]
    answers_of = [
        fit(rows, known_rows(rows.labels, int(cutoffs[row])), "boosting", seed)(rows.features[first:])
        for row, first in zip(trained_at, starts, strict=True)
    ]
    losses = _loss_by_span(rows, answers_of, starts)
    totals, chosen = best_models(losses, trainings)
    for model, end in zip(chosen, [*(starts[model] for model in chosen[1:]), len(rows)], strict=True):
        span = slice(starts[model], end)
        answers.put(span, answers_of[model].of(slice(0, end - starts[model])))
    scored = np.count_nonzero(~np.isnan(rows.labels[max(starts[0], len(rows) // WARMUP_DIVISOR) :]))
    trained_rows = sum(len(known_rows(rows.labels, int(cutoffs[trained_at[model]]))) for model in chosen)
    means = tuple(round(total / scored, 6) for total in totals.tolist())
    return ReferencePredictions(answers, len(chosen), trained_rows, time.process_time() - start, means)


def best_models(losses: Matrix, trainings: int) -> tuple[NDArray[np.float64], list[int]]:
    """The least total loss at 1, 2, ... m trainings, shape (m,), and the models that have it at `trainings`.

    The first model is always the first that is trained: before it there is none.

    Args:
        losses: of the model of span i (row) on span j (column), shape (m, m); 0 for j < i.
        trainings: how many models to choose, at most m.
    """
    count = len(losses)
    until = np.concatenate([np.zeros((count, 1)), np.cumsum(losses, axis=1)], axis=1)
    serving = until[:, None, :] - until[:, :-1, None]  # of model i, from span j until span k
    least = np.full((count + 1, count), np.inf)  # with so many trainings, the last at this span: loss before the span
    previous = np.zeros((count + 1, count), dtype=np.int64)
    least[1, 0] = 0.0
    for used in range(2, count + 1):
        for span in range(1, count):
            options = [least[used - 1, earlier] + serving[earlier, earlier, span] for earlier in range(span)]
            previous[used, span] = int(np.argmin(options))
            least[used, span] = min(options)
    ends = least + np.array([serving[model, model, count] for model in range(count)])
    chosen = [int(np.argmin(ends[min(trainings, count)]))]
    for used in range(min(trainings, count), 1, -1):
        chosen.append(int(previous[used, chosen[-1]]))
    return ends[1:].min(axis=1), chosen[::-1]


def _loss_by_span(rows: FeatureMatrix, answers_of: list[Answers], starts: list[int]) -> Matrix:
    """The total loss of each model on the rows of each span that count, shape (m, m)."""
    first_scored, ends = len(rows) // WARMUP_DIVISOR, [*starts[1:], len(rows)]
    losses = np.zeros((len(starts), len(starts)))
    for model, answers in enumerate(answers_of):
        of_rows = np.nan_to_num(answers.losses(rows.labels[starts[model] :]))
        of_rows[: max(0, first_scored - starts[model])] = 0.0
        for span in range(model, len(starts)):
            losses[model, span] = of_rows[starts[span] - starts[model] : ends[span] - starts[model]].sum()
    return losses
