"""A training job and its result: plain data, which a child process can be handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.pushes import Push
from penstock.contracts.records.training import Evaluation, ReturnEvidence, Segment


class _PlainData(BaseModel):
    model_config = ConfigDict(frozen=True)


class PackageReference(_PlainData):
    """A version's package in the store, which has learnt from the outcomes before offset `until`.

    Of a `push` nobody knows what it has learnt from: `until` is the offset that it was judged at.
    """

    version: int
    digest: str
    until: int
    push: bool = False


class TrainingJob(_PlainData):
    """What is to be trained: a stream as declared, on archived segments.

    `changes` are the offsets, ascending, at which the stream changed and from which models may learn. The candidate is
    compared with the `champion`, without one with a constant. Where the champion falls short, `alternatives` are what
    could serve instead. With a `push` nothing is trained: the candidate is the model that it names.
    """

    declaration: Declaration
    segments: tuple[Segment, ...]
    changes: tuple[int, ...] = ()
    champion: PackageReference | None = None
    alternatives: tuple[PackageReference, ...] = ()
    push: Push | None = None


Backend = Literal["sequential", "loky", "dask", "ray"]


class TrainingResources(_PlainData):
    """What a training may use.

    `searches` is the folder that a search is kept in until its run has ended; `jobs` search trials run at once, on
    `backend`.
    """

    searches: Path | None = None
    backend: Backend = "sequential"
    jobs: int = 1


class TrainedModel(_PlainData):
    """A model whose package and profile are in the store, trained on `rows` events, a push on none; `size` is in bytes.

    `learnt_from` is the offset of the first outcome that the best of its models was trained on; `scoring_seconds` is
    what 1,000 answers took, `latency_p99_ms` the 99th percentile of one answer by itself.
    """

    family: str
    digest: str
    profile: str
    size: int
    rows: int
    learnt_from: int
    evaluation: Evaluation
    scoring_seconds: float
    latency_p99_ms: float


class TrainingResult(_PlainData):
    """How a training ended: with a model, or with a failure in one sentence; and in which environment it ran.

    `returns` is what each of the job's alternatives would gain.
    """

    model: TrainedModel | None = None
    returns: tuple[ReturnEvidence, ...] = ()
    failure: str | None = None
    cpu_seconds: float = 0.0
    environment: dict[str, str] | None = None


RunJob = Callable[[TrainingJob], Awaitable[TrainingResult]]
"""Runs a job; raises nothing for a training that fails."""
