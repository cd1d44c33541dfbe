"""What a return from a champion that falls short would gain, on outcomes that neither model has learnt from."""

from __future__ import annotations

from math import isfinite

import numpy as np

from penstock.artifacts import Store
from penstock.contracts.records.training import ReturnEvidence
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics.confidence_sequences import Moments, always_valid
from penstock.ml.metrics.objective import Objective
from penstock.trainer.data.archived_rows import archived_rows
from penstock.trainer.data.dataset import label_classes
from penstock.trainer.evaluation.comparison import Floats, objective_of, shared_rows
from penstock.trainer.evaluation.rehearsal import Rehearsal, rehearsal_of
from penstock.trainer.job import TrainingJob

FEWEST = 32  # outcomes of a look
LEVEL = 0.999  # of the bound on the gain, at all times at once: a return is rare, and nobody is asked


def return_evidence(job: TrainingJob, store: Store) -> tuple[ReturnEvidence, ...]:
    """For each of the job's alternatives that can answer; none where the champion is not in question.

    Raises:
        ArtifactError: a segment or a package is missing or corrupt.
    """
    if job.champion is None or not job.alternatives:
        return ()
    rows = archived_rows(job.declaration, job.segments, store)
    classes = label_classes(job.declaration, rows.labels)
    objective, numbers = objective_of(job.declaration, classes), ClassIndex(classes).numbers(rows.labels)
    champion = rehearsal_of(job.champion, store, rows, classes)
    others = {each.version: rehearsal_of(each, store, rows, classes) for each in job.alternatives if champion}
    return tuple(
        _evidence(objective, numbers, version, champion, other)
        for version, other in others.items()
        if champion is not None and other is not None
    )


def _evidence(
    objective: Objective, numbers: Floats, version: int, champion: Rehearsal, other: Rehearsal
) -> ReturnEvidence:
    of_champion, of_other = shared_rows(champion.rows, other.rows)
    labels = numbers[champion.rows[of_champion]]
    gains = objective.losses(labels, champion.answers.take(of_champion)) - objective.losses(
        labels, other.answers.take(of_other)
    )
    one_loss = 1.0 if objective.classes else 0.0  # errors of numbers have the labels' unit
    moments, low = newest_gain(gains, float(np.abs(gains).max(initial=one_loss)))
    return ReturnEvidence(version=version, rows=moments.n, gain=moments.mean, low=low if isfinite(low) else None)


def newest_gain(gains: Floats, scale: float) -> tuple[Moments, float]:
    """The gain over all outcomes, or the newer half, quarter … of them, by whichever is bounded highest; and its bound.

    A champion may have been good for long before its world turned back. Each of these is one more look, and has its
    part of the error level.

    Args:
        gains: (n,) what a return would have gained with each outcome, the newest last.
        scale: the largest gain or loss that one answer could be off the mean.

    >>> good_for_long = np.r_[np.full(300, -0.5), np.full(100, 0.9)] + np.tile([0.05, -0.05], 200)
    >>> moments, low = newest_gain(good_for_long, 1.0)
    >>> moments.n, low > 0
    (100, True)
    """
    counts = [len(gains)]
    while counts[-1] >= 2 * FEWEST:
        counts.append(counts[-1] // 2)
    level = 1 - (1 - LEVEL) / len(counts)
    newest = [Moments.of(gains[len(gains) - count :].tolist()) for count in counts]
    bounds = [always_valid(moments, level, scale).low for moments in newest]
    best = max(range(len(newest)), key=bounds.__getitem__)
    return newest[best], bounds[best]
