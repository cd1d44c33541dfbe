"""Models trained once, or on a calendar: what is common without a loop."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from bench.evaluation.references.answers import ReferencePredictions, RowNumbers, answers_without_model
from bench.evaluation.references.batch_models import MIN_LABELS, Family, fit
from bench.evaluation.references.feature_matrix import FeatureMatrix, Labels
from bench.evaluation.references.label_delay import LabelCutoffs

WARMUP_DIVISOR = 10  # the first tenth of the rows does not count
WINDOW_DIVISOR = 10  # a calendar with a window learns from the last tenth of as many rows as the file has


def train_once(rows: FeatureMatrix, cutoffs: LabelCutoffs, training_delay: int, seed: int) -> ReferencePredictions:
    """Train once, at the first row that counts, on all labels known then."""
    return _train_at(rows, cutoffs, [len(rows) // WARMUP_DIVISOR], None, "boosting", training_delay, seed)


def train_on_calendar(
    rows: FeatureMatrix,
    cutoffs: LabelCutoffs,
    training_delay: int,
    seed: int,
    *,
    step_divisor: int,
    has_window: bool = False,
    family: Family = "boosting",
) -> ReferencePredictions:
    """Train at every `calendar_rows` on all labels known then or, with a window, on the last of them."""
    window = len(rows) // WINDOW_DIVISOR if has_window else None
    return _train_at(rows, cutoffs, calendar_rows(len(rows), step_divisor), window, family, training_delay, seed)


def calendar_rows(count: int, step_divisor: int) -> list[int]:
    """The rows at which a calendar trains: from the end of the first tenth on, every 20th or 50th part of the file.

    >>> calendar_rows(100, 5)
    [10, 30, 50, 70, 90]
    """
    return list(range(count // WARMUP_DIVISOR, count, max(1, count // step_divisor)))


def known_rows(labels: Labels, cutoff: int, window: int | None = None) -> RowNumbers:
    """The rows before the cutoff that have a label, or the last `window` of them."""
    labelled_rows = np.flatnonzero(~np.isnan(labels[:cutoff]))
    return labelled_rows if window is None else labelled_rows[-window:]


def _train_at(
    rows: FeatureMatrix,
    cutoffs: LabelCutoffs,
    training_rows: Sequence[int],
    window: int | None,
    family: Family,
    training_delay: int,
    seed: int,
) -> ReferencePredictions:
    """A model answers from `training_delay` rows after its training row; before the first, the last known label."""
    answers, start, trained, trained_rows = answers_without_model(rows, cutoffs), time.process_time(), 0, 0
    ends = [*(row + training_delay for row in training_rows[1:]), len(rows)]
    for row, end in zip(training_rows, ends, strict=True):
        answered_rows = slice(row + training_delay, end)
        known = known_rows(rows.labels, int(cutoffs[row]), window)
        if len(rows.labels[answered_rows]) and len(known) >= MIN_LABELS:
            answers.put(answered_rows, fit(rows, known, family, seed)(rows.features[answered_rows]))
            trained, trained_rows = trained + 1, trained_rows + len(known)
    return ReferencePredictions(answers, trained, trained_rows, time.process_time() - start)
