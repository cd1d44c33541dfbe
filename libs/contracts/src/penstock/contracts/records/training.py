"""Training: requests, and the runs that follow them."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.pushes import Push

TrainingReason = Literal["first", "drift", "growth", "schedule", "command", "volume", "performance", "declaration"]


class TrainingRequest(ControlRecord):
    """A request to train the stream's model on the outcomes at offsets `[0, until)`.

    `fence` is the number of earlier requests of the stream: trainer and registry refuse a request that a newer one has
    overtaken. `since` is the offset of the newest change that has settled: models trained only on the outcomes after it
    compete with models trained on all of them, and with models trained on those after the `earlier_changes`, the newest
    first. `shortfall` is the epoch whose champion loses more than its holdout showed, on every request until another
    serves. With a `push` nothing is trained: the model that it names is judged.
    """

    type: ClassVar[str] = "penstock.training-request.v1"

    stream: str
    fence: Annotated[int, Field(ge=0)]
    reason: TrainingReason
    detail: str = ""
    until: Annotated[int, Field(ge=0)]
    since: Annotated[int, Field(ge=0)] | None = None
    earlier_changes: tuple[int, ...] = ()
    shortfall: Annotated[int | None, Field(ge=0, exclude_if=lambda epoch: epoch is None)] = None
    push: Annotated[Push | None, Field(exclude_if=lambda push: push is None)] = None


class Segment(BaseModel):
    """Outcomes at offsets `[start, stop)`, stored as a Parquet file under `digest`; `rows` of them have a label."""

    model_config = ConfigDict(frozen=True)

    start: int
    stop: int
    rows: int
    digest: str


class Dataset(BaseModel):
    """What a model was trained on: segments of `outcomes`, the declaration's version, and the number of rows."""

    model_config = ConfigDict(frozen=True)

    segments: tuple[Segment, ...]
    schema_version: int
    rows: int


def _known(bound: Any) -> Any:
    """None for a bound that is not finite: earlier releases wrote infinities."""
    return bound if bound is None or isfinite(bound) else None


Bound = Annotated[
    float | None,
    BeforeValidator(_known),
    Field(exclude_if=lambda bound: bound is None),
    WithJsonSchema({"type": "number"}),
]
"""A bound of an interval: absent in the record, and None here, where it is unknown."""


class Score(BaseModel):
    """A metric over `rows` rows, with its 95 % interval from `low` to `high`, absent if the rows are too few for it."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: Bound = None
    high: Bound = None
    rows: int


class SearchSummary(BaseModel):
    """The result of a hyperparameter search.

    `trials` counts all search trials, including those stopped early (`pruned`) and those that `failed`. `family` is
    the best trial's, `settings` its hyperparameters: empty if the family's defaults are best.
    """

    model_config = ConfigDict(frozen=True)

    trials: int
    pruned: int
    failed: int
    family: str
    settings: dict[str, float] = {}


class SliceScores(BaseModel):
    """Candidate and champion on the holdout rows of one slice: `value` of `field`; an empty value means missing."""

    model_config = ConfigDict(frozen=True)

    field: str
    value: str
    candidate: Score
    champion: Score
    gain: Score


class Skew(BaseModel):
    """Training/serving skew: of `rows` answers checked, `differing` had other lag features than the log gives."""

    model_config = ConfigDict(frozen=True)

    rows: int
    differing: int


class ObjectiveScores(BaseModel):
    """Candidate, champion and baseline by the metric that the stream declares as its objective.

    `gain` is how much better the candidate is than the champion on the same rows, above 0 in every metric if it is. Of
    a metric that is no mean over rows, such as average precision, `loss_gain` is how much less the candidate loses by
    an answer, by the loss that the metric names (log loss for a ranking): with few positives that tells more.
    `freshness` is how much better than the package that is judged the one is, at least, that serves, since it has
    learnt from newer outcomes, too: by what age is shown to cost on this stream; 0 where that is not shown.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    larger_is_better: bool
    candidate: Score
    champion: Score
    baseline: Score
    gain: Score
    loss_gain: Annotated[Score | None, Field(exclude_if=lambda gain: gain is None)] = None
    freshness: Annotated[float, Field(exclude_if=lambda gain: not gain)] = 0.0


class CalibrationParameters(BaseModel):
    """How a model's class probabilities are calibrated: their logarithms times `scale`, plus the bias of each class."""

    model_config = ConfigDict(frozen=True)

    scale: float
    biases: dict[str, float]


class CalibrationScores(BaseModel):
    """What the probabilities of candidate and champion lose by being badly calibrated, on the same rows, in log loss.

    It is the part of the log loss that a calibration fitted on these very rows would save: 0 or little above it for a
    model whose probabilities mean what they say. `gain` is the champion's less the candidate's; `log_loss` is all
    that the candidate loses.
    """

    model_config = ConfigDict(frozen=True)

    candidate: Score
    champion: Score
    gain: Score
    log_loss: float


class AgeLoss(BaseModel):
    """How much more a model loses by an answer than another one that is `age` outcomes newer, on the same `rows`.

    `excess` is its mean loss less the newer one's, `error` the standard error of that, and `loss` the newer one's mean
    loss, by the loss that the objective names; without a declared objective by errors, or absolute errors.
    """

    model_config = ConfigDict(frozen=True)

    age: int
    excess: float
    error: float
    loss: float
    rows: int


class Evaluation(BaseModel):
    """Candidate, champion and baseline on the same holdout rows, on none of which candidate or champion was trained.

    Both are scored as packages: by what they answer to these rows, a blend while it learns from them.
    `champion_version` is the version that was the champion; while that is the baseline, version 0, a constant that
    knows the labels so far stands in for it (null: an earlier release scored what was served). `gain` is the
    candidate's score compared with the champion's on the same rows, in units of the metric, with its paired interval;
    above 0 the candidate is better. `rarest` is how many of the rows that the training had are of the rarest class.

    `families` holds, for each family, its score on each cross-validation fold; `failed` holds, for each family that
    could not be trained, the reason. Accuracy, or the mean absolute error, is always there; `objective` has the metric
    that decides, where the stream declares one. `losses` are the candidate's on the holdout, by the loss of one answer
    that the objective names: what the answers that it will serve are judged against. `decision_costs` are the
    candidate's rule: what it costs to answer each class (column) where another is true (row), in the order of its
    classes; it answers the class of least expected cost, without them the likeliest. Accuracy is always that of the
    likeliest class. `calibration` is how the candidate's probabilities are calibrated, absent where nothing was shown
    to help; `calibration_losses` says how well calibrated they are, where an objective is declared. `ages` is what the
    age of a model costs on this stream: what is learnt about when to train again.
    """

    model_config = ConfigDict(frozen=True)

    metric: Literal["accuracy", "mae"]
    rarest: Annotated[int | None, Field(exclude_if=lambda rows: rows is None)] = None
    champion_version: Annotated[int | None, Field(exclude_if=lambda version: version is None)] = None
    candidate: Score
    champion: Score
    baseline: Score
    gain: Score
    objective: Annotated[ObjectiveScores | None, Field(exclude_if=lambda scores: scores is None)] = None
    losses: Annotated[LossMoments | None, Field(exclude_if=lambda losses: losses is None)] = None
    decision_costs: Annotated[tuple[tuple[float, ...], ...] | None, Field(exclude_if=lambda costs: costs is None)] = (
        None
    )
    calibration: Annotated[CalibrationParameters | None, Field(exclude_if=lambda parameters: parameters is None)] = None
    calibration_losses: Annotated[CalibrationScores | None, Field(exclude_if=lambda scores: scores is None)] = None
    ages: Annotated[tuple[AgeLoss, ...], Field(exclude_if=lambda ages: not ages)] = ()
    slices: tuple[SliceScores, ...] = ()
    skew: Skew | None = None
    families: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    search: SearchSummary | None = None


class Candidate(BaseModel):
    """A trained model: the digests of its package and of its training profile, and the signed statement about it.

    `size` is the package's size in bytes.
    """

    model_config = ConfigDict(frozen=True)

    family: str
    digest: str
    profile: str
    envelope: dict[str, Any]
    size: int


class ReturnEvidence(BaseModel):
    """What a return from a champion to `version` would gain, on the same labelled outcomes of the champion's epoch.

    `gain` is the champion's mean loss less the version's over the newest `rows` outcomes, as many as show it best;
    `low` bounds it from below at all times at once (an anytime-valid bound), absent before it is known.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    rows: int
    gain: float
    low: Bound = None


class TrainingRun(ControlRecord):
    """The state of one training run: `started`, then `finished` with a candidate, or `failed` or `refused`.

    `request` is the id of the training request, whose `fence`, `reason`, `until`, `since`, `earlier_changes` and `push`
    are repeated here. `learnt_from` is the offset of the first outcome that the best model was trained on: 0, `since`,
    or an earlier change.
    `cpu_seconds` is what the training cost, `scoring_seconds` how long the candidate took to answer 1,000 rows,
    `latency_p99_ms` the 99th percentile of the milliseconds that it took for one row by itself.
    `environment` names the processor architecture, BLAS libraries and versions that the training ran on: models of
    equal trainings have equal digests only within one environment. `returns` is what a return from a champion that
    falls short would gain, if the request named its epoch in `shortfall`.
    """

    type: ClassVar[str] = "penstock.training-run.v1"

    stream: str
    request: str
    fence: Annotated[int, Field(ge=0)]
    status: Literal["started", "finished", "failed", "refused"]
    reason: TrainingReason
    until: int
    since: int | None = None
    earlier_changes: tuple[int, ...] = ()
    learnt_from: int = 0
    dataset: Dataset | None = None
    evaluation: Evaluation | None = None
    candidate: Candidate | None = None
    failure: str | None = None
    cpu_seconds: float = 0.0
    scoring_seconds: float | None = None
    latency_p99_ms: Annotated[float | None, Field(exclude_if=lambda latency: latency is None)] = None
    environment: dict[str, str] | None = None
    shortfall: Annotated[int | None, Field(ge=0, exclude_if=lambda epoch: epoch is None)] = None
    returns: Annotated[tuple[ReturnEvidence, ...], Field(exclude_if=lambda returns: not returns)] = ()
    push: Annotated[Push | None, Field(exclude_if=lambda push: push is None)] = None
