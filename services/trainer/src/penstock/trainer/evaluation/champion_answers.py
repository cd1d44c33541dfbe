"""What a candidate is compared with: the champion's answers, or those of the external model that it is to shadow."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.artifacts import Store
from penstock.trainer.data.dataset import TrainingRows
from penstock.trainer.evaluation.external_answers import external_rehearsal
from penstock.trainer.evaluation.rehearsal import Rehearsal, rehearsal_of
from penstock.trainer.job import TrainingJob


def champion_answers(job: TrainingJob, store: Store, rows: TrainingRows, classes: Sequence[str]) -> Rehearsal | None:
    """The champion's answers to rows that it has not learnt from, by codes of these classes; None: a constant's.

    Raises:
        ArtifactError: its package is missing or corrupt.
    """
    if job.champion is not None:
        return rehearsal_of(job.champion, store, rows, classes)
    return None if rows.external is None else external_rehearsal(job.declaration, rows.external, classes)
