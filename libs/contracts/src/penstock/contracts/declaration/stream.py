"""The declaration of a stream: its fields, label and time, how it is served, and how long its records are kept.

How its model is trained, watched and replaced is declared in `model_lifecycle`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from penstock.contracts.declaration.answer_costs import check_costs
from penstock.contracts.declaration.boolean_classes import boolean_classes
from penstock.contracts.declaration.model_lifecycle import (
    METRICS_OF_NUMBERS,
    DriftDeclaration,
    GatesDeclaration,
    HistoryDeclaration,
    LagsDeclaration,
    ModelsDeclaration,
    ObjectiveDeclaration,
    ObjectiveMetric,
    PromotionDeclaration,
    RetrainDeclaration,
    RolloutDeclaration,
)
from penstock.contracts.declaration.source import SourceDeclaration, check_source
from penstock.contracts.declaration.strict_model import Duration, StrictModel, distinct
from penstock.contracts.declaration.violation import error_at

Task = Literal["binary", "multiclass", "regression"]
FieldType = Literal["number", "integer", "boolean", "category"]
TimePart = Literal["hour", "weekday", "yearday", "month"]
TimeFormat = Literal[
    "iso", "day-first", "month-first", "year-first", "month-name", "yyyymmdd",
    "epoch-seconds", "epoch-milliseconds", "epoch-microseconds", "epoch-nanoseconds",
]  # fmt: skip
Texts = Annotated[tuple[str, ...], AfterValidator(distinct)]

MOST_SOURCES = 8
MISSING_TEXTS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,62}$"
COLUMN_PATTERN = r"^[^\x00-\x1f\x7f]{1,200}$"


class FieldDeclaration(StrictModel):
    """One field of an event: `amount = { type = "number", min = 0 }`."""

    type: FieldType
    """What its values are: numbers, whole numbers, true or false, or texts (`category`)."""

    min: float | None = None
    """The smallest value that is usual, of a number; `outside` says what happens below it."""

    max: float | None = None
    """The largest value that is usual, of a number; `outside` says what happens above it."""

    categories: Annotated[tuple[str, ...], AfterValidator(distinct)] = ()
    """The values that are usual, of a category; in any order. None listed: every text is usual."""

    outside: Literal["flag", "refuse"] = "flag"
    """What happens to a value outside `min` to `max`, or not among `categories`: `flag` accepts it and lets drift
    detection see it, `refuse` refuses the event."""

    missing: Literal["accept", "refuse"] | Texts = "accept"
    """What happens to an event that lacks the field: `accept` has models learn from the gap, `refuse` refuses it. A
    list of texts accepts it too, and says which texts of a file stand for a missing value of this field, in place of
    the stream's `missing`."""

    feature: bool = True
    """Whether models see the field. An id is no feature."""

    @model_validator(mode="after")
    def _check_type(self) -> FieldDeclaration:
        for bound in ("min", "max"):
            if self.type in ("category", "boolean") and getattr(self, bound) is not None:
                raise error_at((bound,), f"min and max belong to numbers, this field is a {self.type}")
        if self.type != "category" and self.categories:
            raise error_at(("categories",), f"categories belong to a category, this field is a {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise error_at(("min",), f"min {self.min:g} is above max {self.max:g}")
        return self


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one such as UTC or Europe/Paris") from error
    return name


class TimeDeclaration(StrictModel):
    """Event time: how the rows of a file come by theirs when it is replayed, and what of it models see."""

    column: str | None = None
    """The column of a file that holds the time of each row. Without it, rows are one `step` apart from `start` on."""

    format: TimeFormat | None = None
    """How times in `column` are written: `iso` is a year of four digits, month and day, `year-first` one of two digits
    (24-03-12), `month-name` has the month in words (12 Mar 2024, Mar 12 2024), `yyyymmdd` nothing between. Years of two
    digits are those of 1969 to 2068. Without it, the whole column decides."""

    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    """The time zone of times in `column` that name none, and of the clocks that `parts` are read from: an IANA name."""

    start: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    """The time of the first row of a file without a `column` of times; with its zone."""

    step: Duration = timedelta(minutes=1)
    """The time between two rows of a file without a `column` of times, as an ISO 8601 duration."""

    parts: tuple[TimePart, ...] = ()
    """The parts of event time that models see as features, such as the hour of the day."""


class LabelDeclaration(StrictModel):
    """What the model predicts."""

    name: Annotated[str, Field(pattern=COLUMN_PATTERN)]
    """The name of what is predicted, and of its column in a file."""

    classes: Annotated[tuple[str, ...], AfterValidator(distinct)] = ()
    """The classes; of a binary label the second is the positive one, unless `positive` names the other. A JSON
    `true` or `false` stands for the class of that name, or for yes and no, t and f, y and n in any case. A stream
    that is declared keeps the order of its classes; new ones are added at the end."""

    positive: str | None = None
    """The positive one of two classes, which recall, precision, F1 and average precision are about. Without it the
    second of `classes` is. It changes no order."""

    new_classes: Literal["accept", "refuse"] = "refuse"
    """What happens to a label whose class is not listed: with `accept` it is a further class."""

    missing: Texts | None = None
    """The texts of a file that stand for an unknown label, in place of the stream's `missing`; never a listed class."""

    horizon: Duration = timedelta(days=30)
    """How long to wait for a label, in event time, as an ISO 8601 duration; then the outcome is `expired`."""

    prior: dict[str, Annotated[float, Field(ge=0)]] | float | None = None
    """What the baseline answers before there is a model: a weight per class, or one number for a regression. Without
    it all classes are equally likely, and a regression answers 0."""

    @cached_property
    def boolean_classes(self) -> dict[str, str]:
        """The classes that `false` and `true` stand for, where they have other names."""
        return boolean_classes(self.classes)


class RetentionDeclaration(StrictModel):
    """How long each topic of the stream keeps its records, and how much of them; what is reached first counts."""

    days: Annotated[float, Field(gt=0, le=36500)] = 7
    """How many days each topic keeps a record."""

    gigabytes: Annotated[float, Field(gt=0, le=100_000)] = 1
    """How many gigabytes each topic keeps, in all of its partitions."""


class ServingDeclaration(StrictModel):
    """Which model answers, and when."""

    model: Literal["own", "external"] = "own"
    """Whose model answers: our `own`, or an `external` one, whose prediction each event carries; then quality and
    drift are watched all the same, and nothing is predicted or trained here but `challengers`."""

    challengers: bool = False
    """Whether models of our own are trained beside an external one: each that passes the gates answers every event as
    its shadow. A person decides whether one serves; then the external model is its shadow, as far as events carry its
    predictions."""

    http: Literal["durable", "fast"] = "durable"
    """When a request for a prediction is answered: `durable` once the answer is on the log, `fast` without waiting."""

    @property
    def external(self) -> bool:
        """Whether the model is external: then nothing is predicted or trained here, challengers apart."""
        return self.model == "external"

    @property
    def trains(self) -> bool:
        """Whether models are trained here."""
        return not self.external or self.challengers

    @model_validator(mode="after")
    def _check_challengers(self) -> ServingDeclaration:
        if self.challengers and not self.external:
            raise error_at(("challengers",), 'are for [serving] model = "external"; see [rollout] for others')
        return self


class BatchDeclaration(StrictModel):
    """Predictions of the stream's events as files, written on a schedule by the console."""

    cron: str | None = None
    """When a file is written (UTC), as in cron: of the events since the time before, by the champion of then."""

    format: Literal["parquet", "csv"] = "parquet"
    """What the files are."""


class Declaration(StrictModel):
    """The declaration of a stream: what `stream.toml` says, where the keys that are no tables stand in `[stream]`.

    Every key is described in docs/stream-toml.md; `stream_file` reads the file.
    """

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    """The stream's name, which its topics and addresses bear: lower-case letters, digits and dashes."""

    task: Task
    """What is predicted: one of two classes, one of several, or a number."""

    fields: dict[Annotated[str, Field(pattern=COLUMN_PATTERN)], FieldDeclaration]
    """The fields of an event by name, which is the column's in a file. Other columns are ignored."""

    label: LabelDeclaration
    entity: str | None = None
    """The field that names what an event is about, such as a customer: events of one entity stay in order."""

    ordered: bool = True
    """Whether a stream without an `entity` is one series, in order, on one partition."""

    partitions: Annotated[int, Field(ge=1, le=256)] | None = None
    """How many partitions the stream's topics have: 4, or 1 for a series. It cannot be changed later."""

    extra: Literal["refuse", "keep"] = "refuse"
    """What happens to an event with fields that are not declared: it is refused, or they are kept unread."""

    on_gap: Literal["continue", "hold"] = "continue"
    """What a service does where the log lost records that it has not read: it goes on behind them, or holds the
    partition. Either way there is an alert."""

    missing: Texts = MISSING_TEXTS
    """The texts of a file that stand for a missing value. A blank cell always does, a listed category never."""

    slices: Annotated[tuple[str, ...], Field(max_length=8), AfterValidator(distinct)] = ()
    """Fields by whose values quality is also reported: where a model does worse, and for whom. Each is a category or
    a boolean, and need not be a feature."""

    objective: ObjectiveDeclaration | None = None
    time: TimeDeclaration = TimeDeclaration()
    lags: LagsDeclaration = LagsDeclaration()
    history: HistoryDeclaration = HistoryDeclaration()
    models: ModelsDeclaration = ModelsDeclaration()
    drift: DriftDeclaration = DriftDeclaration()
    retrain: RetrainDeclaration = RetrainDeclaration()
    gates: GatesDeclaration = GatesDeclaration()
    promotion: PromotionDeclaration = PromotionDeclaration()
    rollout: RolloutDeclaration = RolloutDeclaration()
    serving: ServingDeclaration = ServingDeclaration()
    retention: RetentionDeclaration = RetentionDeclaration()
    batch: BatchDeclaration = BatchDeclaration()
    source: Annotated[
        dict[Annotated[str, Field(pattern=NAME_PATTERN)], SourceDeclaration], Field(max_length=MOST_SOURCES)
    ] = Field(default={})
    """Topics of somebody else that events or labels are read from, by a name for each, which is the `source` of their
    events. What becomes of each message is in docs/sources.md."""

    @model_validator(mode="after")
    def _check_whole(self) -> Declaration:
        if not self.fields:
            raise error_at(("fields",), "a stream needs at least one field")
        if not any(field.feature for field in self.fields.values()) and not self.time.parts:
            raise error_at(("fields",), "no field is a feature: a model would have nothing to learn from")
        self._check_names()
        self._check_slices()
        self._check_running_means()
        self._check_history()
        self._check_classes()
        self._check_objective()
        self._check_order()
        self._check_challengers()
        for name, source in self.source.items():
            needs_prediction = self.serving.external and not self.serving.challengers
            check_source(name, source, self.fields, needs_prediction=needs_prediction)
        return self

    def _check_names(self) -> None:
        if self.entity is not None and self.entity not in self.fields:
            raise error_at(("entity",), f"{self.entity!r} is not among the fields")
        if self.label.name in self.fields:
            detail = f"the label {self.label.name!r} is also a field: the event would reveal it"
            raise error_at(("fields", self.label.name), detail)

    def _check_slices(self) -> None:
        for name in self.slices:
            if name not in self.fields:
                raise error_at(("slices",), f"{name!r} is not among the fields")
            if self.fields[name].type not in ("category", "boolean"):
                detail = f"{name!r} is a {self.fields[name].type}; a slice is a category or a boolean"
                raise error_at(("slices",), detail)

    def _check_running_means(self) -> None:
        for name in self.lags.inputs:
            if name not in self.features:
                raise error_at(("lags", "inputs", name), "is no field that is a feature")
            if self.fields[name].type == "category":
                raise error_at(("lags", "inputs", name), "is a category; a running mean goes over numbers")

    def _check_history(self) -> None:
        for name in dict.fromkeys(name for key in self.history.fields for name in key):
            if name not in self.fields:
                raise error_at(("history", "keys"), f"{name!r} is not among the fields")
            if self.fields[name].type == "number":
                detail = f"{name!r} is a number; a key is a category, an integer or a boolean"
                raise error_at(("history", "keys"), detail)

    def _check_classes(self) -> None:
        count, path = len(self.label.classes), ("label", "classes")
        if self.task == "binary" and count != 2:
            raise error_at(path, f"a binary label has two classes, label.classes names {count}")
        if self.task == "multiclass" and count < 2 and self.label.new_classes == "refuse":
            raise error_at(path, "a multiclass label names at least two classes")
        if self.task == "regression" and count:
            raise error_at(path, "a regression label has no classes")
        if self.label.positive is not None:
            self._check_positive(self.label.positive)
        if isinstance(self.label.prior, dict) != (self.task != "regression") and self.label.prior is not None:
            raise error_at(("label", "prior"), "must be a weight per class, or one number for a regression")

    def _check_positive(self, positive: str) -> None:
        if self.task != "binary":
            raise error_at(("label", "positive"), f"is for two classes, the task is {self.task}")
        if positive not in self.label.classes:
            raise error_at(("label", "positive"), f"is none of the classes {', '.join(self.label.classes)}")

    def _check_objective(self) -> None:
        if self.objective is None:
            return
        metric, of_numbers = self.objective.metric, self.objective.metric in METRICS_OF_NUMBERS
        if of_numbers != (self.task == "regression"):
            kind = "numbers" if of_numbers else "classes"
            raise error_at(("objective", "metric"), f"{metric} judges {kind}, the task is {self.task}")
        check_costs(self.objective, self.label.classes, accepts_classes=self.label.new_classes == "accept")

    def _check_order(self) -> None:
        if self.lags.any and self.entity is None and not self.ordered:
            raise error_at(("lags",), "lags need an entity or a series: name an entity, or leave ordered = true")
        if self.entity is None and self.ordered and self.partitions not in (None, 1):
            detail = "a stream without an entity is one series and has one partition; name an entity, or set"
            raise error_at(("partitions",), f"{detail} ordered = false")

    def _check_challengers(self) -> None:
        if self.serving.challengers and (self.lags.any or self.history.keys):
            detail = (
                "challengers of an external model have no lags and no histories: what is known is not recorded there"
            )
            raise error_at(("serving", "challengers"), detail)

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
    def positive_class(self) -> str | None:
        """The positive one of two classes; None where there are not two."""
        return (self.label.positive or self.label.classes[1]) if self.task == "binary" else None

    @property
    def metric(self) -> ObjectiveMetric:
        """The metric of the objective; where none is declared, accuracy, or the mean absolute error of a regression."""
        if self.objective is None:
            return "mae" if self.task == "regression" else "accuracy"
        return self.objective.metric

    @property
    def learns_online(self) -> bool:
        """Whether the server learns from every outcome: for lag features and histories, or for additive models."""
        is_known = self.lags.any or bool(self.history.keys)
        return not self.serving.external and (is_known or "additive" in self.models.families)

    @property
    def features(self) -> dict[str, FieldDeclaration]:
        """The fields that models may use, in declared order."""
        return {name: field for name, field in self.fields.items() if field.feature}
