"""Monitoring: quality over a block of outcomes, drift that was noticed, and alerts for people."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.contracts.records.control import ControlRecord, Instant


class Measure(BaseModel):
    """A metric and its 95 % interval, None where there are too few cases for one."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    value: float
    low: float | None = None
    high: float | None = None


class Estimate(BaseModel):
    """What `score` was expected to be from the answers alone, before a label of theirs was looked at.

    It speaks of all `answers` of the block, labelled or not. `error` is its own past: how far estimates lay from what
    matured later, on average over some fifty blocks, the newest weighing most; None before the first.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    score: float
    answers: int
    error: float | None = None


class ArmLosses(BaseModel):
    """The losses of one model version in a block: how many, their mean, and the sum of squares around it.

    Of a shadow they are its losses less those of the answers that were given: below 0 means the shadow is the better.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    version: int
    role: Literal["champion", "challenger", "shadow"]
    answers: int
    mean: float
    squares: float


class Confusion(BaseModel):
    """Answers to a binary question by what was true: of two classes the second is the positive one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


class SliceLosses(BaseModel):
    """The losses of a block's rows with one `value` of a declared slice; an empty value means it was missing."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    field: str
    value: str
    answers: int
    mean: float
    squares: float
    confusion: Confusion | None = None


class Statistics(ControlRecord):
    """Quality over the outcomes at offsets `[start, stop)`: a fixed block, so repeated work says the same.

    `score` is accuracy or mean absolute error over the block's `joined` outcomes, None when none was joined;
    `coverage` is the share that was joined. `version` and `epoch` are of the newest prediction in the block.

    A block is said on two clocks. `provisional`: by the labels so far, when the block is complete.
    `matured`, as a record of its own: when nothing of it is missing, or else when the horizon of its events has passed;
    and once more when it has passed if corrections came meanwhile. The highest revision of a label counts, the
    first by offset of equal ones; `revised` is how many corrections that were. `metrics` holds whatever the task's metrics could tell, `score` among them. `arms` are the joined outcomes by the
    model that answered, or would have; `slices` by the values of the fields that the stream declares as such.
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
    first_time: Instant
    last_time: Instant
    clock: Literal["provisional", "matured"] = "provisional"
    revised: int = 0
    metrics: dict[str, Measure] = Field(default={})
    estimate: Estimate | None = None
    arms: tuple[ArmLosses, ...] = ()
    slices: tuple[SliceLosses, ...] = ()


class Drift(ControlRecord):
    """A detector tipped. `outcomes` is how many outcomes the stream had by then: where a dataset would end.

    `event_source` and `event_id` name the record that tipped it; `status` is `confirmed` when the loss itself rose.
    `hurts` is how much: the mean loss now minus that before, in units of the loss (errors per answer, or the label's
    unit), None where too few outcomes tell. It may be below 0: then nothing was lost.
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


FAILED_CHALLENGER = "failed-challenger"
"""The subject of an alert whose `version` failed while it was on trial."""


class Alert(ControlRecord):
    """Something a person may want to act on. `version` is of the model that it is about, if it is about one."""

    type: ClassVar[str] = "penstock.alert.v1"

    severity: Literal["info", "warning", "critical"]
    subject: str
    message: str
    stream: str | None = None
    version: int | None = None
