"""The declaration of a model's life: lag features, families, drift detection, retraining, gates and rollout."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from penstock.contracts.declaration.strict_model import StrictModel, distinct

Trigger = Literal["drift", "declaration", "performance", "volume", "growth", "schedule"]

WindowLength = Annotated[int, Field(ge=1, le=1000)]


class LagsDeclaration(StrictModel):
    """Lag features: earlier labels and inputs of the entity, or of the series, as features.

    `label` lists how many labels back, counted from the newest that is known when the event is answered. `mean` is how
    many known labels a running mean covers (0: no mean). `inputs` names numeric fields, each with the lengths of its
    running means, counted in known outcomes of the entity.
    """

    label: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(max_length=50), AfterValidator(distinct)
    ] = ()
    mean: Annotated[int, Field(ge=0, le=1000)] = 0
    inputs: dict[
        str, Annotated[tuple[WindowLength, ...], Field(min_length=1, max_length=10), AfterValidator(distinct)]
    ] = Field(default={})

    @property
    def any(self) -> bool:
        """Whether any lag feature is declared."""
        return bool(self.label or self.mean or self.inputs)

    @property
    def running_means(self) -> tuple[tuple[str, int], ...]:
        """The running means of inputs, each as the field's name and the mean's length."""
        return tuple((name, length) for name, lengths in self.inputs.items() for length in lengths)


Family = Literal["linear", "boosting", "forest", "additive"]


class SearchDeclaration(StrictModel):
    """The hyperparameter search: how many `trials` at most (0: no search), and for how many `seconds`.

    Each family is also trained with its defaults. A trial that is running when the seconds are over is finished.
    """

    trials: Annotated[int, Field(ge=0, le=500)] = 0
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0


class ModelsDeclaration(StrictModel):
    """The families of models that are trained for the stream.

    `linear`, `boosting` and `forest` are trained and compete. `additive` models learn from every outcome: with them
    the champion is a blend of the best trained models and of additive ones, weighted by their losses.

    With `prefer = "cheapest"`, the fastest of the trained models is chosen among those whose score is at most `within`
    (in units of the metric) worse than the best.
    """

    families: Annotated[tuple[Family, ...], Field(min_length=1), AfterValidator(distinct)] = (
        "linear",
        "boosting",
        "additive",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    search: SearchDeclaration = SearchDeclaration()
    prefer: Literal["best", "cheapest"] = "best"
    within: Annotated[float, Field(ge=0)] = 0.0


MultivariateTest = Literal["reconstruction", "domain"]


class DriftDeclaration(StrictModel):
    """Drift detection: `detectors` watch the losses, and `tests` compare a `window` of events with the training rows.

    `rows` compares the relations between numeric fields, too: by the reconstruction error from principal components
    (`reconstruction`), or by how well a classifier separates new rows from training rows (`domain`).
    """

    detectors: Annotated[
        tuple[Literal["adwin", "page-hinkley", "ddm", "hddm-a", "hddm-w", "kswin"], ...], AfterValidator(distinct)
    ] = ("adwin", "page-hinkley")
    tests: Annotated[tuple[Literal["psi", "js", "ks", "chi-square", "wasserstein"], ...], AfterValidator(distinct)] = (
        "psi",
        "ks",
    )
    rows: Annotated[tuple[MultivariateTest, ...], AfterValidator(distinct)] = ()
    window: Annotated[int, Field(ge=100, le=1_000_000)] = 1000


class RetrainDeclaration(StrictModel):
    """When a new model is trained. All is counted in outcomes and event time, never in wall time (`cron` apart).

    Triggers: `on` lists `drift`, `growth` and `declaration` (a changed one). `every` (a number of outcomes), `cron`,
    and `below` or `above` are on if they are declared; these two are bounds on the mean of the last `over` outcome
    blocks' scores, or estimated scores, as `judged_by` says. `combine` says whether `any` trigger is enough, `all`
    must fire, or `needs` of them (`vote`).

    The first training takes place after `first_after` outcomes. `settle` is how many outcomes must follow a drift
    before a model is trained for it, `cooldown` how many must lie between two trainings, and `fresh` the share of all
    outcomes that must be new, which bounds how often each outcome is trained on. `growth` is the factor by which the
    outcomes must have grown since the last training. `budget` is the training seconds per day of event time.

    Deprecated: `on_drift`. Leave `drift` out of `on` instead of writing `on_drift = false`, which is still read.
    """

    on: Annotated[tuple[Literal["drift", "growth", "declaration"], ...], AfterValidator(distinct)] = (
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
    on_drift: Annotated[bool, Field(json_schema_extra={"deprecated": True})] = True

    @model_validator(mode="after")
    def _check_vote(self) -> RetrainDeclaration:
        if self.combine == "vote" and self.needs > len(self.triggers):
            raise ValueError(f"a vote needs {self.needs} triggers, only {len(self.triggers)} are on: {self.triggers}")
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


class GatesDeclaration(StrictModel):
    """The gates: what a candidate must achieve on its holdout to be promoted.

    It must be better than the champion by `margin`, in units of the metric, on at least `holdout` rows. With
    `slice_margin`, it must not be worse than the champion by more than that on any declared slice of at least
    `holdout` rows; without it, slices are reported only.
    """

    margin: Annotated[float, Field(ge=0)] = 0.0
    holdout: Annotated[int, Field(ge=20)] = 50
    slice_margin: Annotated[float, Field(ge=0)] | None = None


class RolloutDeclaration(StrictModel):
    """How a candidate that passed the gates is brought in.

    `at-once` makes it the champion, and the champion before it stays loaded as a fallback and for a rollback
    (blue/green). A `canary` answers the shares of `steps` in turn. A `shadow` answers every event for comparison only.
    `ab` splits the traffic by the last share of `steps` until one of the two is shown to be better. A `bandit` gives
    each arm the share that is its probability to be the best.

    A step lasts until the challenger has `outcomes` outcomes and losses no worse than the champion's. What is
    undecided after `limit` outcomes of the stream leaves the champion in place. A challenger is taken back as soon as
    it is shown, at confidence `level`, to be worse than the champion by more than `margin` (in units of the metric).
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
