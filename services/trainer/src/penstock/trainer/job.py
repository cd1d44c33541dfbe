"""What a training is given and what it comes to: plain data, which a child process can be handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.training import Evaluation, Segment


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True)


class Job(_Plain):
    """What is to be trained: a stream as declared, on archived segments.

    `since` is the offset of the newest change of the world, if one is known.
    """

    declaration: Declaration
    segments: tuple[Segment, ...]
    since: int | None = None


Backend = Literal["sequential", "loky", "dask", "ray"]


class Means(_Plain):
    """What a training may use: a folder in which a search is kept until it has ended, and how many trials run at once."""

    searches: Path | None = None
    backend: Backend = "sequential"
    jobs: int = 1


class Trained(_Plain):
    """A candidate whose package and profile lie in the store, learnt from `rows` events; `size` is in bytes.

    `learnt_from` is the offset of the first outcome that the best model among them learnt from; `scoring_seconds` what
    1,000 answers took.
    """

    family: str
    digest: str
    profile: str
    size: int
    rows: int
    learnt_from: int
    evaluation: Evaluation
    scoring_seconds: float


class Attempt(_Plain):
    """A training that came to an end: with a candidate, or with a reason in one sentence."""

    trained: Trained | None = None
    failure: str | None = None
    cpu_seconds: float = 0.0


Try = Callable[[Job], Awaitable[Attempt]]
"""Carries a job out; raises nothing for a training that fails."""
