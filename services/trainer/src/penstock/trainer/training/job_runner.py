"""Runs one training job: its result, whatever goes wrong, and what it cost."""

from __future__ import annotations

import time

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from penstock.artifacts import Store
from penstock.contracts.records.training import ReturnEvidence
from penstock.trainer.evaluation.return_evidence import return_evidence
from penstock.trainer.failure_text import first_line
from penstock.trainer.job import RunJob, TrainingJob, TrainingResources, TrainingResult
from penstock.trainer.training.environment import training_environment
from penstock.trainer.training.judgement import judge
from penstock.trainer.training.pipeline import train


def run_job(job: TrainingJob, store: Store, resources: TrainingResources | None = None) -> TrainingResult:
    """Train, or judge a push, and return any error as the failure of this training.

    Numerical libraries run on one thread: for a thousand small trees threads cost far more than they save.
    """
    began, push = time.process_time(), job.push
    model = failure = None
    returns: tuple[ReturnEvidence, ...] = ()
    try:
        with threadpool_limits(1):
            returns = return_evidence(job, store)
            model = train(job, store, resources or TrainingResources()) if push is None else judge(job, push, store)
    except Exception as error:  # learners and data may fail in any way; the service goes on
        failure = first_line(error)
    cpu_seconds = time.process_time() - began
    return TrainingResult(
        model=model,
        returns=returns,
        failure=failure,
        cpu_seconds=cpu_seconds,
        environment=training_environment(),
    )


def in_process_runner(store: Store) -> RunJob:
    """Runs jobs in this process: repeatable, and it blocks everything else meanwhile."""

    async def run(job: TrainingJob) -> TrainingResult:
        return run_job(job, store)

    return run
