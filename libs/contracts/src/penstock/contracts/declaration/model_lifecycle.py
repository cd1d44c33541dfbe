"""How a stream's model is kept right, as its owner declares it: features of the past, families, drift, retraining, rollout."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from penstock.contracts.declaration.strict_model import StrictModel, distinct

Trigger = Literal["drift", "declaration", "performance", "volume", "growth", "schedule"]

Span = Annotated[int, Field(ge=1, le=1000)]


class LagsDeclaration(StrictModel):
    """Which known labels of the entity, or of the series, are features.

    `label` names how many labels back, counted from the last that is known at the moment of asking, however late labels
    come; `mean` over how many of them the running mean goes (0: none). `inputs` names number fields, each with the spans,
    in known outcomes of the entity, over which its running means go.
    """

    label: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(max_length=50), AfterValidator(distinct)
    ] = ()
    mean: Annotated[int, Field(ge=0, le=1000)] = 0
    inputs: dict[str, Annotated[tuple[Span, ...], Field(min_length=1, max_length=10), AfterValidator(distinct)]] = (
        Field(default={})
    )

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.label or self.mean or self.inputs)

    @property
    def running(self) -> tuple[tuple[str, int], ...]:
        """Each input with each of its spans."""
        return tuple((name, span) for name, spans in self.inputs.items() for span in spans)


Family = Literal["linear", "boosting", "forest", "additive"]


class SearchDeclaration(StrictModel):
    """How many settings of the families are tried beside each family as it is, and for how many seconds at most.

    Without `trials` there is no search. A trial that is under way when the seconds are over is finished.
    """

    trials: Annotated[int, Field(ge=0, le=500)] = 0
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0


class ModelsDeclaration(StrictModel):
    """Which families a model is made of, by name.

    `linear`, `boosting` and `forest` are trained, and compete. `additive` learns from every outcome as it comes: with
    it, the champion is a blend of the best trained models and of additive ones, weighed by how they did.

    With `prefer = "cheapest"`, that of the trained models whose score lies `within` of the best (in units of the
    metric) is taken which answers fastest, as measured.
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


RowTest = Literal["reconstruction", "domain"]


class DriftDeclaration(StrictModel):
    """Which detectors watch the losses, and by which tests and over how many events fields and labels are compared.

    `rows` compares how numbers hang together, too: by the error of reconstruction from principal components, or by how
    well a classifier tells new rows from old ones.
    """

    detectors: Annotated[
        tuple[Literal["adwin", "page-hinkley", "ddm", "hddm-a", "hddm-w", "kswin"], ...], AfterValidator(distinct)
    ] = ("adwin", "page-hinkley")
    tests: Annotated[tuple[Literal["psi", "js", "ks", "chi-square", "wasserstein"], ...], AfterValidator(distinct)] = (
        "psi",
        "ks",
    )
    rows: Annotated[tuple[RowTest, ...], AfterValidator(distinct)] = ()
    window: Annotated[int, Field(ge=100, le=1_000_000)] = 1000


class RetrainDeclaration(StrictModel):
    """When a new model is worth training: counted in outcomes and event time, never in wall time (`cron` apart).

    What calls for a run: `on` names drift, growth and a changed declaration; a declared `every` (outcomes), `below` or
    `above` (the mean score of the last `over` statistics, or its estimate), or `cron` is on by being declared. Unless
    `any` of them is enough, `all` of them or a `vote` of `needs` are asked for.

    `settle` is how many outcomes a change of the world is given before a model is trained for it. Between two runs lie
    `cooldown` outcomes, and `fresh` is the share of the outcomes that must be new: so each is learnt from a bounded
    number of times. `growth` is by what factor the outcomes to learn from must have grown. `budget`: training seconds
    per day of event time.
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


class GatesDeclaration(StrictModel):
    """What a candidate must show on its holdout before it serves.

    `margin` is how much better than the champion it must be, in units of the metric. On no declared slice of at least
    `holdout` rows may it be shown to be worse than the champion by more than `slice_margin`; without that slices are
    told, and keep nobody back.
    """

    margin: Annotated[float, Field(ge=0)] = 0.0
    holdout: Annotated[int, Field(ge=20)] = 50
    slice_margin: Annotated[float, Field(ge=0)] | None = None


class RolloutDeclaration(StrictModel):
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
