"""The declaration of a model's life: lag features, families, drift, retraining, gates, promotion and rollout."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from penstock.contracts.declaration.strict_model import StrictModel, distinct
from penstock.contracts.declaration.violation import error_at

Trigger = Literal["drift", "declaration", "performance", "volume", "growth", "schedule"]

WindowLength = Annotated[int, Field(ge=1, le=1000)]


class LagsDeclaration(StrictModel):
    """Lag features: earlier labels and inputs of the entity, or of the series, as features."""

    label: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(max_length=50), AfterValidator(distinct)
    ] = ()
    """How many labels back each feature looks, counted from the newest that is known when the event is answered."""

    mean: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many known labels a running mean covers; 0: no mean."""

    inputs: dict[
        str, Annotated[tuple[WindowLength, ...], Field(min_length=1, max_length=10), AfterValidator(distinct)]
    ] = Field(default={})
    """Running means of numeric fields: for each, their lengths, counted in known outcomes of the entity."""

    @property
    def any(self) -> bool:
        """Whether any lag feature is declared."""
        return bool(self.label or self.mean or self.inputs)

    @property
    def running_means(self) -> tuple[tuple[str, int], ...]:
        """The running means of inputs, each as the field's name and the mean's length."""
        return tuple((name, length) for name, lengths in self.inputs.items() for length in lengths)


Family = Literal["linear", "boosting", "forest", "additive"]


HistoryKey = str | Annotated[tuple[str, ...], Field(min_length=2, max_length=2), AfterValidator(distinct)]


class HistoryDeclaration(StrictModel):
    """Histories by key: what is known of the outcomes of earlier events with the same value, as features.

    For each key there are the number of known outcomes, the seconds since the newest event among them, and of their
    labels the mean, or of classes the shares, over all, some fifty and some five of them. A mean is drawn to that of
    all outcomes while the value has few.
    """

    keys: Annotated[tuple[HistoryKey, ...], Field(max_length=8), AfterValidator(distinct)] = ()
    """The keys: names of fields, or pairs of them, such as a terminal, or a customer with a product. A field may be a
    category, an integer or a boolean, the entity or not, and need not be a feature. The 100,000 values of each key with
    the newest outcomes are known."""

    @property
    def fields(self) -> tuple[tuple[str, ...], ...]:
        """The fields of each key."""
        return tuple((key,) if isinstance(key, str) else key for key in self.keys)


class SearchDeclaration(StrictModel):
    """The search for hyperparameters. Each family is also trained with its defaults."""

    trials: Annotated[int, Field(ge=0, le=500)] = 0
    """How many settings are tried at most; 0: no search."""

    seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """How long the search lasts at most. A trial that is running then is finished."""


class ModelsDeclaration(StrictModel):
    """The models that are trained for the stream."""

    families: Annotated[tuple[Family, ...], Field(min_length=1), AfterValidator(distinct)] = (
        "linear",
        "boosting",
        "additive",
    )
    """The families of models. `linear`, `boosting` and `forest` are trained and compete. `additive` models learn from
    every outcome: with them the champion is a blend of the best trained models and of additive ones, weighted by
    their losses."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """What random choices in training begin with: the same seed and the same rows give the same model."""

    most_rows: Annotated[int, Field(ge=1000)] = 200_000
    """How many labelled events a training learns from at most: the newest. This bounds its memory: 200,000 rows take
    0.4 GiB with 13 fields, 0.7 with 49. Where it is reached, growth trains again after as many new outcomes."""

    search: SearchDeclaration = SearchDeclaration()
    prefer: Literal["best", "cheapest"] = "best"
    """Which trained model is chosen: the `best`, or the `cheapest` (fastest) of those that are not much worse."""

    within: Annotated[float, Field(ge=0)] = 0.0
    """How much worse than the best the cheapest model may be, in units of the metric."""


MultivariateTest = Literal["reconstruction", "domain"]


class DriftDeclaration(StrictModel):
    """Drift detection: detectors watch the losses, and tests compare new events with the training rows."""

    detectors: Annotated[
        tuple[Literal["adwin", "page-hinkley", "ddm", "hddm-a", "hddm-w", "kswin"], ...], AfterValidator(distinct)
    ] = ("adwin", "page-hinkley")
    """What proposes that the losses of predictions rose; a scan at a known rate of false alarms confirms it. Where the
    objective is `log_loss`, `average_precision` or `roc_auc` log losses are watched, by the scan alone; with no
    detector named nothing is."""

    tests: Annotated[tuple[Literal["psi", "js", "ks", "chi-square", "wasserstein"], ...], AfterValidator(distinct)] = (
        "psi",
        "ks",
    )
    """How the values of each field are compared with those of the training rows."""

    rows: Annotated[tuple[MultivariateTest, ...], AfterValidator(distinct)] = ()
    """How the relations between numeric fields are compared, too: by the reconstruction error from principal
    components (`reconstruction`), or by how well a classifier separates new rows from training rows (`domain`)."""

    window: Annotated[int, Field(ge=100, le=1_000_000)] = 1000
    """How many events are compared at a time."""


class RetrainDeclaration(StrictModel):
    """When a new model is trained. All is counted in outcomes and event time, never in wall time (`cron` apart)."""

    on: Annotated[tuple[Literal["drift", "growth", "declaration"], ...], AfterValidator(distinct)] = (
        "drift",
        "growth",
        "declaration",
    )
    """What a model is trained for: a drift, growth (of the data, or of what the champion's age costs), a declaration
    from which models learn something else. `every`, `cron`, `below` and `above` are further triggers, each on if it is
    declared."""

    combine: Literal["any", "all", "vote"] = "any"
    """How many triggers must fire: `any` one, `all` that are on, or `needs` of them (`vote`)."""

    needs: Annotated[int, Field(ge=1)] = 2
    """How many triggers must fire with `combine = "vote"`."""

    first_after: Annotated[int, Field(ge=20)] = 500
    """After how many outcomes the first model is trained."""

    cooldown: Annotated[int, Field(ge=0)] = 1000
    """How many outcomes must lie between two trainings, unless what they are for has cost as much as they do."""

    settle: Annotated[int, Field(ge=0)] = 400
    """How many outcomes must follow a drift, or a new declaration, before a model is trained for it; 150 after a drift
    whose losses have come to the price by then."""

    fresh: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """The share of all outcomes that must be new, which bounds how often each outcome is trained on."""

    feature_drift: bool = False
    """Whether a drift of what events hold (values of a field, missing ones, new categories) is trained for as one of
    the losses is. For streams whose labels come so late that losses tell nothing in time."""

    growth: Annotated[float, Field(gt=1)] = 2.0
    """The factor by which the outcomes must have grown since the last training, whatever the champion's age costs."""

    price: Annotated[float, Field(ge=0)] = 0.003
    """What a training costs for each outcome that it learns from (and for 2,500 more, whatever their number), in mean
    losses of an answer: another one is due once the champion's age, as forecast, or what answers have lost more since
    a confirmed drift, has cost as much. However low it is, all trainings for the age together learn from each outcome
    ten times at most."""

    budget: Annotated[float, Field(gt=0)] | None = None
    """The seconds of training per day of event time; without it there is no bound."""

    every: Annotated[int, Field(ge=1)] | None = None
    """Train a model after every so many outcomes."""

    below: float | None = None
    """Train a model when the mean accuracy is below this, such as 0.8, whatever the objective is."""

    above: float | None = None
    """Train a model when the mean absolute error is above this, such as 2.5, whatever the objective is."""

    over: Annotated[int, Field(ge=1, le=1000)] = 5
    """Over how many of the last outcome blocks the mean score for `below` and `above` goes."""

    judged_by: Literal["score", "estimate"] = "score"
    """Which score `below` and `above` bound: the one that labels gave, or the estimate that needs no labels."""

    cron: str | None = None
    """Train a model at these times (UTC): minute, hour, day of the month, month and day of the week, as in cron."""

    on_drift: Annotated[bool, Field(json_schema_extra={"deprecated": True})] = True
    """Deprecated: leave `drift` out of `on` instead of writing `on_drift = false`, which is still read."""

    @model_validator(mode="after")
    def _check_vote(self) -> RetrainDeclaration:
        if self.combine == "vote" and self.needs > len(self.triggers):
            on = f"{len(self.triggers)} are on: {', '.join(self.triggers)}"
            raise error_at(("needs",), f"a vote needs {self.needs} triggers, only {on}")
        return self

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """The triggers that are on, the most specific reason first; `on_drift = false` turns drift off."""
        switches: dict[Trigger, bool] = {
            "drift": "drift" in self.on and self.on_drift,
            "declaration": "declaration" in self.on,
            "performance": self.below is not None or self.above is not None,
            "volume": self.every is not None,
            "growth": "growth" in self.on,
            "schedule": self.cron is not None,
        }
        return tuple(trigger for trigger, is_on in switches.items() if is_on)


ObjectiveMetric = Literal[
    "log_loss",
    "average_precision",
    "roc_auc",
    "f1",
    "balanced_accuracy",
    "accuracy",
    "cost",
    "rmse",
    "mae",
    "pinball",
    "rmsle",
]
Cost = Annotated[float, Field(ge=-1e12, le=1e12)]
METRICS_OF_NUMBERS = frozenset({"rmse", "mae", "pinball", "rmsle"})
METRICS_OF_PROBABILITIES = frozenset({"log_loss", "average_precision", "roc_auc"})  # their outcomes lose log loss


class ObjectiveDeclaration(StrictModel):
    """What the stream's models are to be good at. Without it, accuracy, or the mean absolute error of a regression."""

    metric: ObjectiveMetric
    """The metric by which models are selected, compared at the gates and reported. Of classes: `log_loss` where
    probabilities are used, `average_precision` where positives are rare, `roc_auc`, `f1`, `balanced_accuracy`,
    `accuracy`, or `cost` where wrong answers cost what `costs` says; of numbers: `rmse`, `mae`, `pinball` or `rmsle`.
    The `margin` of the gates is in its units. Probabilities are answered with the likeliest class; by `f1`,
    `balanced_accuracy` and `cost` with the class that is best by the metric."""

    costs: dict[str, dict[str, Cost]] | None = None
    """For the metric `cost`: what an answer costs, by the true class and the class that is answered, in any unit; below
    0 is a value. Every wrong answer is listed, a right one costs 0 unless it is. The class of least expected cost is
    answered, and the mean cost of an outcome is the metric."""

    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Which quantile a `pinball` loss asks for: 0.9 where too low an answer costs nine times as much as too high."""


class GatesDeclaration(StrictModel):
    """The gates: what a candidate must achieve on its holdout to be promoted.

    It is promoted if the 95 % interval of its gain over the champion lies above 0, or above `-tolerance`: shown to be
    better, or not to be worse by more than that, and fresher.
    """

    margin: Annotated[float, Field(ge=0)] = 0.0
    """By how much it must be better than the champion, in units of the metric; above 0, a model that is only fresher is
    kept back."""

    tolerance: Annotated[float, Field(ge=0)] | None = None
    """By how much a fresher model may be worse than the champion, in units of the metric. Unless declared a point
    (0.01) of a metric of which more is better, and 2 % of the champion's score of one of which less is; two and a half
    times that of a first model, over the constant."""

    holdout: Annotated[int, Field(ge=20)] = 50
    """The fewest rows on which it is compared."""

    calibration: Annotated[float, Field(ge=0)] | None = None
    """By how much more log loss than the champion's bad calibration may cost it on average, whatever the objective
    is. Unless declared a tenth of its log loss, where the objective is for classes and is not the log loss itself."""

    slice_margin: Annotated[float, Field(ge=0)] | None = None
    """By how much it may be worse than the champion on any declared slice of at least `holdout` rows. Without it,
    slices are only reported."""

    latency_ms: Annotated[float, Field(gt=0)] | None = None
    """How many milliseconds one answer of it may take, by the 99th percentile that the trainer measures. Without it,
    latency is only reported."""

    bytes: Annotated[int, Field(gt=0)] | None = None
    """How many bytes its package may have."""


class PromotionDeclaration(StrictModel):
    """Who has the last word on which model answers."""

    mode: Literal["automatic", "propose"] = "automatic"
    """`automatic` promotes a candidate that passed the gates, or tries it in the declared rollout, at once. `propose`
    changes by itself nothing that answers: a candidate, the first one too, a challenger that a rollout would promote
    and a return to an earlier model wait as proposals, with their evidence, for `penstock proposals`."""


class RolloutDeclaration(StrictModel):
    """How a candidate that passed the gates is brought in.

    A challenger is taken back as soon as it is shown, at confidence `level`, to be worse than the champion by more
    than `margin`. Where the stream's rate allows, both models are asked about each event, whoever answers it.
    """

    mode: Literal["at-once", "canary", "shadow", "ab", "bandit"] = "at-once"
    """`at-once` makes it the champion, and the champion before it stays loaded as a fallback and for a rollback
    (blue/green). A `canary` answers the shares of `steps` in turn. A `shadow` answers every event for comparison
    only. `ab` splits the traffic by the last share of `steps` until one of the two is shown to be better. A `bandit`
    gives each arm the share that is its probability to be the best."""

    steps: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1, max_length=20)] = (
        0.05,
        0.2,
        0.5,
    )
    """The shares of the traffic that the challenger answers, one after the other; they rise."""

    outcomes: Annotated[int, Field(ge=30)] = 200
    """A step lasts until the challenger has so many outcomes, and is shown not to be worse by more than `margin` for
    each event of the stream at the next share: with 20 % of them by 5 margins, at last by one."""

    limit: Annotated[int, Field(ge=100)] = 20_000
    """After how many outcomes of the stream the champion stays if nothing is decided."""

    margin: Annotated[float, Field(ge=0)] = 0.0
    """How much worse than the champion the challenger may be, in units of the loss: the error rate, the mean error, or
    what an outcome loses by the objective. Where it is 0, a `canary` promotes what is shown to be worse by less than a
    point of the error rate, or 1 % of the champion's mean loss; where an objective is declared, by less than what
    `limit` outcomes can show of models as alike as these, if that is more."""

    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """The confidence at which a challenger is called worse, no worse, or better."""

    @model_validator(mode="after")
    def _steps_rise(self) -> RolloutDeclaration:
        if list(self.steps) != sorted(set(self.steps)):
            raise error_at(("steps",), "must rise, such as [0.05, 0.2, 0.5]")
        return self
