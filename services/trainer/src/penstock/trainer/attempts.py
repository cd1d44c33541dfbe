"""One attempt at a training: what it came to and what it cost."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ConfigDict

from penstock.artifacts import Store
from penstock.trainer.training import Job, Trained, train


class Attempt(BaseModel):
    """A training that came to an end: with a candidate, or with a reason in one sentence."""

    model_config = ConfigDict(frozen=True)

    trained: Trained | None = None
    failure: str | None = None
    cpu_seconds: float = 0.0


Try = Callable[[Job], Awaitable[Attempt]]
"""Carries a job out; raises nothing for a training that fails."""


def attempt(job: Job, store: Store) -> Attempt:
    """Train, and take whatever goes wrong as an answer."""
    began = time.process_time()
    try:
        return Attempt(trained=train(job, store), cpu_seconds=time.process_time() - began)
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
