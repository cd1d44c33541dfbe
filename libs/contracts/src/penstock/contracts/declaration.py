"""What a user says of a stream: its fields, label, models, drift, policy, gates and retention."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Task = Literal["binary", "multiclass", "regression"]
FieldType = Literal["number", "integer", "boolean", "category"]
TimePart = Literal["hour", "weekday", "yearday", "month"]
Trigger = Literal["drift", "declaration", "performance", "volume", "growth", "schedule"]

NAME = r"^[a-z][a-z0-9-]{0,62}$"
COLUMN = r"^[^\x00-\x1f\x7f]{1,200}$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


T = TypeVar("T")


def _distinct(names: tuple[T, ...]) -> tuple[T, ...]:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} stands twice")
    return names


class FieldDeclaration(_Part):
    """One field of an event.

    `outside` says what becomes of a number outside `min`..`max` or of an unlisted category: `flag` lets it
    through for the drift detector to see, `refuse` rejects the event.
    """

    type: FieldType
    min: float | None = None
    max: float | None = None
    categories: Annotated[tuple[str, ...], AfterValidator(_distinct)] = ()
    outside: Literal["flag", "refuse"] = "flag"
    missing: Literal["accept", "refuse"] = "accept"
    feature: bool = True

    @model_validator(mode="after")
    def _fits_its_type(self) -> FieldDeclaration:
        if self.type in ("category", "boolean") and (self.min is not None or self.max is not None):
            raise ValueError(f"min and max belong to numbers, this field is a {self.type}")
        if self.type != "category" and self.categories:
            raise ValueError(f"categories belong to a category, this field is a {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one such as UTC or Europe/Paris") from error
    return name


class TimeDeclaration(_Part):
    """Where a row's event time comes from when a file is replayed, and which parts of it are features."""

    column: str | None = None
    zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    start: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    step: timedelta = timedelta(minutes=1)
    parts: tuple[TimePart, ...] = ()

    @model_validator(mode="after")
    def _parts_need_a_real_time(self) -> TimeDeclaration:
        if self.step <= timedelta(0):
            raise ValueError("step must be longer than nothing, such as PT1M")
        return self


class LabelDeclaration(_Part):
    """What the model is to foretell, and how long its truth is waited for (`horizon`, event time).

    `prior` is what the baseline of epoch 0 answers from: a weight per class, or one number for regression.
    """

    name: Annotated[str, Field(pattern=COLUMN)]
    classes: Annotated[tuple[str, ...], AfterValidator(_distinct)] = ()
    new_classes: Literal["accept", "refuse"] = "refuse"
    horizon: timedelta = timedelta(days=30)
    prior: dict[str, float] | float | None = None

    @model_validator(mode="after")
    def _horizon_is_ahead(self) -> LabelDeclaration:
        if self.horizon <= timedelta(0):
            raise ValueError("horizon must be longer than nothing, such as P30D")
        return self

    @model_validator(mode="after")
    def _weights_are_not_negative(self) -> LabelDeclaration:
        if isinstance(self.prior, dict) and any(weight < 0 for weight in self.prior.values()):
            raise ValueError("prior gives a class a weight of 0 or more")
        return self


Span = Annotated[int, Field(ge=1, le=1000)]


class LagsDeclaration(_Part):
    """Which known labels of the entity, or of the series, are features.

    `label` names how many labels back, counted from the last that is known at the moment of asking, however late labels
    come; `mean` over how many of them the running mean goes (0: none). `inputs` names number fields, each with the spans,
    in known outcomes of the entity, over which its running means go.
    """

    label: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(max_length=50), AfterValidator(_distinct)
    ] = ()
    mean: Annotated[int, Field(ge=0, le=1000)] = 0
    inputs: dict[str, Annotated[tuple[Span, ...], Field(min_length=1, max_length=10), AfterValidator(_distinct)]] = {}

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.label or self.mean or self.inputs)

    @property
    def running(self) -> tuple[tuple[str, int], ...]:
        """Each input with each of its spans."""
        return tuple((name, span) for name, spans in self.inputs.items() for span in spans)


Family = Literal["linear", "boosting", "forest", "additive"]


class SearchDeclaration(_Part):
    """How many settings of the families are tried beside each family as it is, and for how many seconds at most.

    Without `trials` there is no search. A trial that is under way when the seconds are over is finished.
    """

    trials: Annotated[int, Field(ge=0, le=500)] = 0
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0


class ModelsDeclaration(_Part):
    """Which families a model is made of, by name.

    `linear`, `boosting` and `forest` are trained, and compete. `additive` learns from every outcome as it comes: with
    it, the champion is a blend of the best trained models and of additive ones, weighed by how they did.

    With `prefer = "cheapest"`, that of the trained models whose score lies `within` of the best (in units of the
    metric) is taken which answers fastest, as measured.
    """

    families: Annotated[tuple[Family, ...], Field(min_length=1), AfterValidator(_distinct)] = (
        "linear",
        "boosting",
        "additive",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    search: SearchDeclaration = SearchDeclaration()
    prefer: Literal["best", "cheapest"] = "best"
    within: Annotated[float, Field(ge=0)] = 0.0


RowTest = Literal["reconstruction", "domain"]


class DriftDeclaration(_Part):
    """Which detectors watch the losses, and by which tests and over how many events fields and labels are compared.

    `rows` compares how numbers hang together, too: by the error of reconstruction from principal components, or by how
    well a classifier tells new rows from old ones.
    """

    detectors: Annotated[
        tuple[Literal["adwin", "page-hinkley", "ddm", "hddm-a", "hddm-w", "kswin"], ...], AfterValidator(_distinct)
    ] = ("adwin", "page-hinkley")
    tests: Annotated[tuple[Literal["psi", "js", "ks", "chi-square", "wasserstein"], ...], AfterValidator(_distinct)] = (
        "psi",
        "ks",
    )
    rows: Annotated[tuple[RowTest, ...], AfterValidator(_distinct)] = ()
    window: Annotated[int, Field(ge=100, le=1_000_000)] = 1000


class RetrainDeclaration(_Part):
    """When a new model is worth training: counted in outcomes and event time, never in wall time (`cron` apart).

    What calls for a run: `on` names drift, growth and a changed declaration; a declared `every` (outcomes), `below` or
    `above` (the mean score of the last `over` statistics, or its estimate), or `cron` is on by being declared. Unless
    `any` of them is enough, `all` of them or a `vote` of `needs` are asked for.

    `settle` is how many outcomes a change of the world is given before a model is trained for it. Between two runs lie
    `cooldown` outcomes, and `fresh` is the share of the outcomes that must be new: so each is learnt from a bounded
    number of times. `growth` is by what factor the outcomes to learn from must have grown. `budget`: training seconds
    per day of event time.
    """

    on: Annotated[tuple[Literal["drift", "growth", "declaration"], ...], AfterValidator(_distinct)] = (
        "drift",
        "growth",
        "declaration",
    )
    combine: Literal["any", "all", "vote"] = "any"
    needs: Annotated[int, Field(ge=1)] = 2
    first_after: Annotated[int, Field(ge=20)] = 500
    cooldown: Annotated[int, Field(ge=0)] = 1000
    settle: Annotated[int, Field(ge=0)] = 400
    fresh: Annotated[float, Field(ge=0, lt=1)] = 0.15
    growth: Annotated[float, Field(gt=1)] = 2.0
    budget: Annotated[float, Field(gt=0)] | None = None
    every: Annotated[int, Field(ge=1)] | None = None
    below: float | None = None
    above: float | None = None
    over: Annotated[int, Field(ge=1, le=1000)] = 5
    judged_by: Literal["score", "estimate"] = "score"
    cron: str | None = None
    on_drift: bool = True

    @model_validator(mode="after")
    def _a_vote_can_be_won(self) -> RetrainDeclaration:
        if self.combine == "vote" and self.needs > len(self.triggers):
            raise ValueError(f"a vote needs {self.needs}, and {len(self.triggers)} can speak: {self.triggers}")
        return self

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """What may call for a run, the most telling first; `on_drift = false` takes drift out."""
        on: dict[Trigger, bool] = {
            "drift": "drift" in self.on and self.on_drift,
            "declaration": "declaration" in self.on,
            "performance": self.below is not None or self.above is not None,
            "volume": self.every is not None,
            "growth": "growth" in self.on,
            "schedule": self.cron is not None,
        }
        return tuple(trigger for trigger, wanted in on.items() if wanted)


class GatesDeclaration(_Part):
    """What a candidate must show on its holdout before it serves.

    `margin` is how much better than the champion it must be, in units of the metric. On no declared slice of at least
    `holdout` rows may it be shown to be worse than the champion by more than `slice_margin`; without that slices are
    told, and keep nobody back.
    """

    margin: Annotated[float, Field(ge=0)] = 0.0
    holdout: Annotated[int, Field(ge=20)] = 50
    slice_margin: Annotated[float, Field(ge=0)] | None = None


class RolloutDeclaration(_Part):
    """How a candidate that passed the gates is brought in.

    `at-once` makes it the champion; the one before stays loaded, to stand in or be returned to (blue/green). A `canary`
    answers the shares of `steps` in turn; a `shadow` answers nobody, and is compared on the same events; `ab` splits by
    `steps`' last share until one is shown to be better; a `bandit` gives each the share of its chance to be the best.

    A step lasts `outcomes` of the challenger's, and until its losses are no worse than the champion's; what is
    undecided after `limit` outcomes of the stream leaves the champion in place. A challenger is taken back as soon as it
    is shown, at `level`, to lose more than `margin` (in units of the metric) against the champion.
    """

    mode: Literal["at-once", "canary", "shadow", "ab", "bandit"] = "at-once"
    steps: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1, max_length=20)] = (
        0.05,
        0.2,
        0.5,
    )
    outcomes: Annotated[int, Field(ge=30)] = 200
    limit: Annotated[int, Field(ge=100)] = 20_000
    margin: Annotated[float, Field(ge=0)] = 0.0
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95

    @model_validator(mode="after")
    def _steps_rise(self) -> RolloutDeclaration:
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError("steps must rise, such as [0.05, 0.2, 0.5]")
        return self


class RetentionDeclaration(_Part):
    """How long each topic of the stream keeps its records."""

    days: Annotated[float, Field(gt=0, le=36500)] = 7
    gigabytes: Annotated[float, Field(gt=0, le=100_000)] = 1


class ServingDeclaration(_Part):
    """Whose model answers: our `own`, or an `external` one, whose prediction each event brings.

    `http`: requests for predictions are answered `durable`, once the log has the answer, or `fast`, without waiting for it.
    """

    model: Literal["own", "external"] = "own"
    http: Literal["durable", "fast"] = "durable"

    @property
    def external(self) -> bool:
        """Whether the model lives elsewhere: then we neither predict nor train."""
        return self.model == "external"


class Declaration(_Part):
    """A stream as its owner declared it; see `stream_file` for its form as TOML.

    By `slices`, fields that need be no features, quality is told apart: where a model does worse, and for whom.
    """

    name: Annotated[str, Field(pattern=NAME)]
    task: Task
    fields: dict[Annotated[str, Field(pattern=COLUMN)], FieldDeclaration]
    label: LabelDeclaration
    entity: str | None = None
    ordered: bool = True
    partitions: Annotated[int, Field(ge=1, le=256)] | None = None
    extra: Literal["refuse", "keep"] = "refuse"
    slices: Annotated[tuple[str, ...], Field(max_length=8), AfterValidator(_distinct)] = ()
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
    def _hangs_together(self) -> Declaration:
        if not self.fields:
            raise ValueError("a stream needs at least one field")
        if self.entity is not None and self.entity not in self.fields:
            raise ValueError(f"entity {self.entity!r} is not among the fields")
        self._slices_are_categories()
        self._running_inputs_are_numbers()
        if self.label.name in self.fields:
            raise ValueError(f"the label {self.label.name!r} is also a field: its event would give it away")
        if not any(field.feature for field in self.fields.values()) and not self.time.parts:
            raise ValueError("no field is a feature: a model would have nothing to learn from")
        self._classes_fit_the_task()
        if self.lags.any and self.entity is None and not self.ordered:
            raise ValueError("lags need an entity or a series: name an entity, or leave ordered = true")
        if self.entity is None and self.ordered and self.partitions not in (None, 1):
            raise ValueError(
                "a stream without an entity is one series and has one partition; name an entity, or set ordered = false"
            )
        return self

    def _slices_are_categories(self) -> None:
        for name in self.slices:
            if name not in self.fields:
                raise ValueError(f"slice {name!r} is not among the fields")
            if self.fields[name].type not in ("category", "boolean"):
                raise ValueError(f"slice {name!r} is a {self.fields[name].type}; a slice is a category or a boolean")

    def _running_inputs_are_numbers(self) -> None:
        for name in self.lags.inputs:
            if name not in self.features:
                raise ValueError(f"lags.inputs {name!r} is no field that is a feature")
            if self.fields[name].type == "category":
                raise ValueError(f"lags.inputs {name!r} is a category; a running mean goes over numbers")

    def _classes_fit_the_task(self) -> None:
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
        """What a payload's struct calls the entity, None for a stream without one."""
        return None if self.entity is None else self.attribute_of(self.entity)

    def attribute_of(self, field: str) -> str:
        """What a payload's struct calls a field."""
        return f"f{list(self.fields).index(field)}"

    @property
    def partition_count(self) -> int:
        """Partitions of the stream's keyed topics: 1 for a series, else 4 unless declared."""
        if self.entity is None and self.ordered:
            return 1
        return self.partitions or 4

    @property
    def learns(self) -> bool:
        """Whether what serves the stream learns from every outcome."""
        return not self.serving.external and (self.lags.any or "additive" in self.models.families)

    @property
    def features(self) -> dict[str, FieldDeclaration]:
        """The fields a model may see, in declared order."""
        return {name: field for name, field in self.fields.items() if field.feature}
