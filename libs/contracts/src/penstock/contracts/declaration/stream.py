"""The declaration of a stream: its fields, label and time, how it is served, and how long its records are kept.

How its model is trained, watched and replaced is declared in `model_lifecycle`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from penstock.contracts.declaration.model_lifecycle import (
    DriftDeclaration,
    GatesDeclaration,
    LagsDeclaration,
    ModelsDeclaration,
    RetrainDeclaration,
    RolloutDeclaration,
)
from penstock.contracts.declaration.strict_model import StrictModel, distinct

Task = Literal["binary", "multiclass", "regression"]
FieldType = Literal["number", "integer", "boolean", "category"]
TimePart = Literal["hour", "weekday", "yearday", "month"]
TimeFormat = Literal["iso", "day-first", "month-first", "epoch-seconds", "epoch-milliseconds"]
Texts = Annotated[tuple[str, ...], AfterValidator(distinct)]

MISSING_TEXTS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,62}$"
COLUMN_PATTERN = r"^[^\x00-\x1f\x7f]{1,200}$"


class FieldDeclaration(StrictModel):
    """One field of an event.

    `outside` says what happens to a number outside `min`..`max`, or to a category that is not listed: `flag` accepts
    it for the drift detector to see, `refuse` refuses the event. `missing` says the same of a missing value; or it
    lists the texts that stand for one in files, in place of those of the stream, and accepts them. A field with
    `feature = false` is not shown to models.
    """

    type: FieldType
    min: float | None = None
    max: float | None = None
    categories: Annotated[tuple[str, ...], AfterValidator(distinct)] = ()
    outside: Literal["flag", "refuse"] = "flag"
    missing: Literal["accept", "refuse"] | Texts = "accept"
    feature: bool = True

    @model_validator(mode="after")
    def _check_type(self) -> FieldDeclaration:
        if self.type in ("category", "boolean") and (self.min is not None or self.max is not None):
            raise ValueError(f"min and max belong to numbers, this field is a {self.type}")
        if self.type != "category" and self.categories:
            raise ValueError(f"categories belong to a category, this field is a {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one such as UTC or Europe/Paris") from error
    return name


class TimeDeclaration(StrictModel):
    """The event time of a row when a file is replayed, and the `parts` of event time that are features.

    The time is read from `column`, in `zone` where it has none of its own, as `format` says, or else as the whole
    column shows; without a column, rows are one `step` apart from `start` on. Parts are those of clocks in `zone`.
    """

    column: str | None = None
    format: TimeFormat | None = None
    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    start: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    step: timedelta = timedelta(minutes=1)
    parts: tuple[TimePart, ...] = ()

    @model_validator(mode="after")
    def _check_step(self) -> TimeDeclaration:
        if self.step <= timedelta(0):
            raise ValueError("step must be longer than zero, such as PT1M")
        return self


class LabelDeclaration(StrictModel):
    """What the model predicts, and the `horizon`: how long to wait for a label, in event time.

    With `new_classes = "accept"`, labels may have classes that are not listed. `prior` determines the answer of the
    baseline of epoch 0: a weight per class, or one number for regression. `missing` lists the texts that stand for an
    unknown label in files, in place of those of the stream; a class that is listed is never one of them.
    """

    name: Annotated[str, Field(pattern=COLUMN_PATTERN)]
    classes: Annotated[tuple[str, ...], AfterValidator(distinct)] = ()
    new_classes: Literal["accept", "refuse"] = "refuse"
    horizon: timedelta = timedelta(days=30)
    prior: dict[str, float] | float | None = None
    missing: Texts | None = None

    @model_validator(mode="after")
    def _check_horizon(self) -> LabelDeclaration:
        if self.horizon <= timedelta(0):
            raise ValueError("horizon must be longer than zero, such as P30D")
        return self

    @model_validator(mode="after")
    def _check_prior(self) -> LabelDeclaration:
        if isinstance(self.prior, dict) and any(weight < 0 for weight in self.prior.values()):
            raise ValueError("prior gives a class a weight of 0 or more")
        return self


class RetentionDeclaration(StrictModel):
    """How long each topic of the stream keeps its records, and how much at most."""

    days: Annotated[float, Field(gt=0, le=36500)] = 7
    gigabytes: Annotated[float, Field(gt=0, le=100_000)] = 1


class ServingDeclaration(StrictModel):
    """Which model answers: our `own`, or an `external` one whose prediction each event carries.

    `http` says when a request for a prediction is answered: `durable`, once the answer is on the log, or `fast`,
    without waiting for the log.
    """

    model: Literal["own", "external"] = "own"
    http: Literal["durable", "fast"] = "durable"

    @property
    def external(self) -> bool:
        """Whether the model is external: then nothing is predicted or trained here."""
        return self.model == "external"


class Declaration(StrictModel):
    """The declaration of a stream; `stream_file` reads it from TOML.

    `slices` are fields, which need not be features, by whose values quality is also reported: where a model does
    worse, and for whom. A stream without an `entity` is one series, unless `ordered = false`. `on_gap` says what a
    service does where the log lost records that it has not read: `continue` behind them, or `hold` the partition;
    either way there is an alert. `missing` lists the texts that stand for a missing value in files; a blank cell always
    does, and a category that is listed never.
    """

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    task: Task
    fields: dict[Annotated[str, Field(pattern=COLUMN_PATTERN)], FieldDeclaration]
    label: LabelDeclaration
    entity: str | None = None
    ordered: bool = True
    partitions: Annotated[int, Field(ge=1, le=256)] | None = None
    extra: Literal["refuse", "keep"] = "refuse"
    on_gap: Literal["continue", "hold"] = "continue"
    missing: Texts = MISSING_TEXTS
    slices: Annotated[tuple[str, ...], Field(max_length=8), AfterValidator(distinct)] = ()
    time: TimeDeclaration = TimeDeclaration()
    lags: LagsDeclaration = LagsDeclaration()
    models: ModelsDeclaration = ModelsDeclaration()
    drift: DriftDeclaration = DriftDeclaration()
    retrain: RetrainDeclaration = RetrainDeclaration()
    gates: GatesDeclaration = GatesDeclaration()
    rollout: RolloutDeclaration = RolloutDeclaration()
    serving: ServingDeclaration = ServingDeclaration()
    retention: RetentionDeclaration = RetentionDeclaration()

    @model_validator(mode="after")
    def _check_whole(self) -> Declaration:
        if not self.fields:
            raise ValueError("a stream needs at least one field")
        if self.entity is not None and self.entity not in self.fields:
            raise ValueError(f"entity {self.entity!r} is not among the fields")
        self._check_slices()
        self._check_running_means()
        if self.label.name in self.fields:
            raise ValueError(f"the label {self.label.name!r} is also a field: the event would reveal it")
        if not any(field.feature for field in self.fields.values()) and not self.time.parts:
            raise ValueError("no field is a feature: a model would have nothing to learn from")
        self._check_classes()
        if self.lags.any and self.entity is None and not self.ordered:
            raise ValueError("lags need an entity or a series: name an entity, or leave ordered = true")
        if self.entity is None and self.ordered and self.partitions not in (None, 1):
            raise ValueError(
                "a stream without an entity is one series and has one partition; name an entity, or set ordered = false"
            )
        return self

    def _check_slices(self) -> None:
        for name in self.slices:
            if name not in self.fields:
                raise ValueError(f"slice {name!r} is not among the fields")
            if self.fields[name].type not in ("category", "boolean"):
                raise ValueError(f"slice {name!r} is a {self.fields[name].type}; a slice is a category or a boolean")

    def _check_running_means(self) -> None:
        for name in self.lags.inputs:
            if name not in self.features:
                raise ValueError(f"lags.inputs {name!r} is no field that is a feature")
            if self.fields[name].type == "category":
                raise ValueError(f"lags.inputs {name!r} is a category; a running mean goes over numbers")

    def _check_classes(self) -> None:
        count = len(self.label.classes)
        if self.task == "binary" and count != 2:
            raise ValueError(f"a binary label has two classes, label.classes names {count}")
        if self.task == "multiclass" and count < 2 and self.label.new_classes == "refuse":
            raise ValueError("a multiclass label names at least two classes")
        if self.task == "regression" and count:
            raise ValueError("a regression label has no classes")
        if isinstance(self.label.prior, dict) != (self.task != "regression") and self.label.prior is not None:
            raise ValueError("label.prior is a weight per class, or one number for regression")

    @cached_property
    def entity_attribute(self) -> str | None:
        """The attribute of the payload's struct that holds the entity, None for a stream without one."""
        return None if self.entity is None else self.attribute_of(self.entity)

    def attribute_of(self, field: str) -> str:
        """The attribute of the payload's struct that holds a field."""
        return f"f{list(self.fields).index(field)}"

    @property
    def partition_count(self) -> int:
        """The number of partitions of the stream's keyed topics: 1 for a series, else as declared, by default 4."""
        if self.entity is None and self.ordered:
            return 1
        return self.partitions or 4

    @property
    def learns_online(self) -> bool:
        """Whether the server learns from every outcome: for lag features, or for additive models."""
        return not self.serving.external and (self.lags.any or "additive" in self.models.families)

    @property
    def features(self) -> dict[str, FieldDeclaration]:
        """The fields that models may use, in declared order."""
        return {name: field for name, field in self.fields.items() if field.feature}
