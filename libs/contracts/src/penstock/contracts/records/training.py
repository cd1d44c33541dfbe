"""Training: what was asked for, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.records.control import ControlRecord

Reason = Literal["first", "drift", "growth", "schedule", "command", "volume", "performance", "declaration"]


class TrainingRequest(ControlRecord):
    """Train the stream anew on the outcomes at offsets `[0, until)`.

    `fence` is the number of the stream's earlier requests; the trainer and the registry refuse an older one.
    `since` is the offset at which the newest change of the world was noticed: models of what came after it alone
    compete with models of everything.
    """

    type: ClassVar[str] = "penstock.training-request.v1"

    stream: str
    fence: Annotated[int, Field(ge=0)]
    reason: Reason
    detail: str = ""
    until: Annotated[int, Field(ge=0)]
    since: Annotated[int, Field(ge=0)] | None = None


class Segment(BaseModel):
    """Outcomes at offsets `[start, stop)`, archived as Parquet under `digest`."""

    model_config = ConfigDict(frozen=True)

    start: int
    stop: int
    rows: int
    digest: str


class Dataset(BaseModel):
    """What a run learnt from: offset ranges of `outcomes`, declaration version, digests of the stored bytes."""

    model_config = ConfigDict(frozen=True)

    segments: tuple[Segment, ...]
    schema_version: int
    rows: int


class Score(BaseModel):
    """A metric over `rows` rows, with its 95 % interval."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float
    rows: int


class SearchSummary(BaseModel):
    """What a search came to: how many `trials` there were, those given up early (`pruned`) and those that `failed` included.

    `family` is that of the best, and `settings` what was set about it: nothing where the family is best as it is.
    """

    model_config = ConfigDict(frozen=True)

    trials: int
    pruned: int
    failed: int
    family: str
    settings: dict[str, float] = {}


class SliceScores(BaseModel):
    """Candidate and champion on the holdout rows with one `value` of a declared slice; empty where it is missing."""

    model_config = ConfigDict(frozen=True)

    field: str
    value: str
    candidate: Score
    champion: Score
    gain: Score


class Skew(BaseModel):
    """Of so many `rows` that were answered, how many carried features `differing` from what the log gives."""

    model_config = ConfigDict(frozen=True)

    rows: int
    differing: int


class Evaluation(BaseModel):
    """Candidate, champion and baseline on the same holdout rows, none of which the candidate had seen.

    The champion's answers are those it served. `gain` is how much better the candidate is than the champion, in the
    metric's unit (positive is better), with its paired interval.
    """

    model_config = ConfigDict(frozen=True)

    metric: Literal["accuracy", "mae"]
    candidate: Score
    champion: Score
    baseline: Score
    gain: Score
    slices: tuple[SliceScores, ...] = ()
    skew: Skew | None = None
    families: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    search: SearchSummary | None = None


class Candidate(BaseModel):
    """A trained model: where it lies, what it expects, and the trainer's signed statement about it."""

    model_config = ConfigDict(frozen=True)

    family: str
    digest: str
    profile: str
    envelope: dict[str, Any]
    size: int


class TrainingRun(ControlRecord):
    """One run of one request: `started`, then `finished` with a candidate, or `failed` with a reason.

    `learnt_from` is the offset of the first outcome that the best of the candidate's models learnt from: 0, or the
    request's `since`.
    `scoring_seconds` is what answering 1,000 rows took the candidate.
    """

    type: ClassVar[str] = "penstock.training-run.v1"

    stream: str
    request: str
    fence: Annotated[int, Field(ge=0)]
    status: Literal["started", "finished", "failed", "refused"]
    reason: Reason
    until: int
    since: int | None = None
    learnt_from: int = 0
    dataset: Dataset | None = None
    evaluation: Evaluation | None = None
    candidate: Candidate | None = None
    failure: str | None = None
    cpu_seconds: float = 0.0
    scoring_seconds: float | None = None
