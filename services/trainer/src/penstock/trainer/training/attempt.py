"""One attempt at a training: what it came to and what it cost."""

from __future__ import annotations

import time

from penstock.artifacts import Store
from penstock.trainer.job import Attempt, Job, Means, Try
from penstock.trainer.training.pipeline import train


def attempt(job: Job, store: Store, means: Means | None = None) -> Attempt:
    """Train, and take whatever goes wrong as an answer."""
    began = time.process_time()
    try:
        return Attempt(trained=train(job, store, means or Means()), cpu_seconds=time.process_time() - began)
    except Exception as error:  # learners and data may fail in any way; the service goes on
        return Attempt(failure=_sentence(error), cpu_seconds=time.process_time() - began)


def in_this_process(store: Store) -> Try:
    """Train where we are: repeatable, and in the way of everything else meanwhile."""

    async def carry_out(job: Job) -> Attempt:
        return attempt(job, store)

    return carry_out


def _sentence(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else f"training ended with {type(error).__name__}"
