"""Monitoring: quality over blocks of outcomes, drift, and alerts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.records.control import ControlRecord, UtcTimestamp
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.predictions import version_name

LONGEST_SLICE_VALUE = 100  # characters of a slice's value: all values of an outcome block, cut to these, fit one record


class MetricValue(BaseModel):
    """A metric and its 95 % interval from `low` to `high`, which is null where there are too few cases for one."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    value: float
    low: float | None = None
    high: float | None = None


class EstimatedScore(BaseModel):
    """An estimate of the block's score from its answers alone, without their labels.

    It covers all `answers` of the block, labelled or not. `error` is the mean absolute difference between earlier
    estimates and the matured scores, over about fifty blocks with the newest weighted most; null before the first.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    score: float
    answers: int
    error: float | None = None


class ArmLosses(BaseModel):
    """The losses of one model version in a block: their number, mean, and sum of squared deviations from the mean.

    For a shadow they are differences: its loss minus the loss of the answer that was given. Below 0 it is better. They
    are errors or absolute errors; `by_objective` holds the losses of the same answers, a shadow's left out, by the loss
    that the declared objective names.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    version: int
    role: Literal["champion", "challenger", "shadow"]
    answers: int
    mean: float
    squares: float
    by_objective: Annotated[LossMoments | None, Field(exclude_if=lambda losses: losses is None)] = None


class CohortLosses(BaseModel):
    """The losses of the answers that one model version gave in one epoch of a rollout, or as a shadow would have given.

    For a shadow they are differences: its loss minus the loss of the answer that the version `against` gave.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    epoch: int
    version: int
    role: Literal["champion", "challenger", "shadow"]
    against: int | None = None
    losses: LossMoments


class Confusion(BaseModel):
    """The confusion matrix of a binary task: the label's `positive` class, or else the second declared one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


class SliceLosses(BaseModel):
    """The losses of one slice of a block: the outcomes with `value` in `field`; an empty value means missing.

    `answers` is their number, `mean` their mean and `squares` the sum of squared deviations from the mean.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    field: str
    value: str
    answers: int
    mean: float
    squares: float
    confusion: Confusion | None = None


class ObjectiveStatistics(BaseModel):
    """A block by the stream's declared objective.

    `score` is its `metric` over the block; null where it cannot be computed, as a ranking of one class. `loss` is what
    the answers lose by the loss of one outcome that the metric names; null where it is known of none.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    metric: str
    score: float | None
    loss: LossMoments | None


class Statistics(ControlRecord):
    """Quality over one outcome block: the outcomes at offsets `[start, stop)`.

    `score` is accuracy or mean absolute error over the `joined` outcomes of the block, null when none was joined;
    `expired` is how many got no label in time, `coverage` the share that was joined. `version` and `epoch` are those
    of the newest prediction in the block, `first_time` and `last_time` the earliest and the latest event time.

    Each block is reported more than once, as `clock` says. `provisional`: when the block is complete, with the labels
    known by then. `matured`: when all its labels are known or the horizon of its events has passed; and again when
    the horizon has passed, if labels were corrected meanwhile. Of several labels of an event the highest revision
    counts, and the first by offset among equal revisions; `revised` is the number of corrections.

    `metrics` holds every metric of the task that can be computed, `score` among them. `estimate` is the score
    estimated without labels. `arms` holds the losses by the model that answered or, for a shadow, would have, and
    `models` the names of the external ones among these; `slices` those by the values of the fields that the stream
    declares as slices.

    `cohorts` is what a rollout is decided on: the objective's losses of answers whose cohort has become complete with
    this block, which means that the labels of all classes for events of that time are known. It stands in the
    provisional record alone; each answer is in one block. `objective` is the block by the declared objective, where
    there is one.
    """

    type: ClassVar[str] = "penstock.statistics.v1"

    stream: str
    start: int
    stop: int
    joined: int
    expired: int
    metric: Literal["accuracy", "mae"]
    score: float | None
    coverage: float
    version: int
    epoch: int
    first_time: UtcTimestamp
    last_time: UtcTimestamp
    clock: Literal["provisional", "matured"] = "provisional"
    revised: int = 0
    metrics: dict[str, MetricValue] = Field(default={})
    estimate: EstimatedScore | None = None
    arms: tuple[ArmLosses, ...] = ()
    models: dict[int, str] = Field(default={}, exclude_if=lambda models: not models)
    slices: tuple[SliceLosses, ...] = ()
    cohorts: tuple[CohortLosses, ...] = Field(default=(), exclude_if=lambda cohorts: not cohorts)
    objective: Annotated[ObjectiveStatistics | None, Field(exclude_if=lambda objective: objective is None)] = None

    def version_name(self, version: int) -> str:
        """One of the versions as people know it."""
        return version_name(self.models.get(version, ""), version)


class Drift(ControlRecord):
    """A detector found drift.

    `kind` is what drifted: the losses (`concept`), the predictions, labels, or a `feature`'s values, missing values,
    new categories, values out of range, the `volume` of events, or the relations between fields (`rows`). `field` is
    the field concerned, `statistic` the detector's test statistic and `threshold` the value that it passed. Of
    `concept` and `prediction` drift `statistic` is the mean of the newest values and `earlier_mean` that of the values
    before them; there `threshold` repeats `earlier_mean`, which is deprecated. `status` is `confirmed` when the loss
    itself rose, else `suspected`. `label`: it rose where the true class is this one (of a binary label the positive
    one); null: over all answers.

    `outcomes` is how many outcomes the stream had by then: a training on all of them ends at that offset.
    `event_source` and `event_id` name the event at which the detector fired. `hurts` is the increase of the mean
    loss, in units of the loss (errors per answer, or the label's unit); below 0 the loss fell, and null means that
    there are too few outcomes to tell.
    """

    type: ClassVar[str] = "penstock.drift.v1"

    stream: str
    kind: Literal["concept", "prediction", "feature", "label", "missing", "category", "range", "volume", "rows"]
    detector: str
    field: str | None = None
    statistic: float
    threshold: float
    status: Literal["suspected", "confirmed"]
    outcomes: int
    event_source: str
    event_id: str
    epoch: int
    hurts: float | None = None
    earlier_mean: float | None = None
    label: str | None = None


HOLDOUT_DETECTOR = "holdout"
"""The detector of a shortfall: a champion whose live losses exceed those of its holdout, which is `earlier_mean`."""


FAILED_CHALLENGER = "failed-challenger"
"""The subject of an alert about a challenger that failed: its `version`."""


SHORTFALL = "shortfall"
"""The subject of an alert about a champion, its `version`, that loses more than its holdout showed, or did so."""


class LogGap(BaseModel):
    """A group's position that the log does not have: it wanted the record at offset `expected`, the next is at `found`.

    `expired`: retention deleted the records between. `lost`: the log ends before the position. `replaced`: the topic
    was deleted and made anew; what its predecessor held from `expected` on is not known. `records` are the offsets
    that were passed over or lost, none for a replaced topic. `action` is what the group does: `continue` at `found`,
    or `hold` the topic partition.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    group: str
    topic: str
    partition: int
    cause: Literal["expired", "lost", "replaced"]
    expected: int
    found: int
    records: int
    action: Literal["continue", "hold"]


GAP = "gap"
"""The subject of an alert about a gap in the log: its `gap`."""


AlertState = Literal["firing", "resolved"]


class Alert(ControlRecord):
    """Something that a person may want to act on. `version` is the model version concerned, if any.

    `kind` is what it is about, one of a closed set where it is written (`AlertKind`); alerts of earlier releases have
    none. `key` names the matter: alerts of one key are news of the same one, which is `resolved` when it is over.
    Without a key an alert stands alone. `event_time` is the event time at which it showed, where that is known.
    """

    type: ClassVar[str] = "penstock.alert.v1"

    severity: Literal["info", "warning", "critical"]
    subject: str
    message: str
    stream: str | None = None
    version: int | None = None
    gap: LogGap | None = None
    kind: str | None = None
    key: str | None = None
    state: AlertState = "firing"
    event_time: UtcTimestamp | None = None


class Notification(ControlRecord):
    """What became of an alert at a destination: `alert` is the alert's id, `tries` how often it was sent.

    `delivered`: the destination took it. `refused`: it will not take it, however often it is sent, and `detail` says
    what it answered. Both hold for the alert alone: of a matter that goes on, one alert is sent in each group interval.
    Delivery is at least once, so an alert may have several records, of the same id; `time` is when it was sent.
    """

    type: ClassVar[str] = "penstock.notification.v1"

    alert: str
    destination: str
    outcome: Literal["delivered", "refused"]
    tries: int
    detail: str = ""
    stream: str | None = None
