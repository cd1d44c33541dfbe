"""Predictions: a model's answer to an event, and which model gave it."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from penstock.contracts.records.events import DerivedSource, Identifier, Timestamp

PREDICTION_TYPE = "penstock.prediction.v1"
PREDICTION_SUFFIX = "#prediction"

Arm = Literal["champion", "challenger"]


class Attribution(Struct, kw_only=True):
    """Which model answered, and how: the same for a whole batch. `PredictionData` describes the fields."""

    model: str
    version: int
    digest: str
    epoch: int
    schema: int
    code: str
    arm: Arm = "champion"
    route: Literal["stream", "http"] = "stream"
    mode: Literal["durable", "fast"] = "durable"
    baseline: bool = False
    learnt_to: int | UnsetType = UNSET
    fallback: bool | UnsetType = UNSET


class ShadowAnswer(Struct):
    """What a shadow would have answered; None if it failed.

    `probabilities` are there where the stream's objective is a loss of probabilities.
    """

    version: int
    value: str | float | None
    probabilities: list[float] | UnsetType = UNSET


class PredictionData(Attribution, kw_only=True):
    """One answer, and which model gave it.

    `value` is a class as text, or a number for regression. `probabilities` has one probability per class, in the order
    of the model's classes.

    `model`, `version` and `digest` name the model version that answered, `epoch` the epoch, `schema` the version of
    the stream's declaration, and `code` the version of Penstock. `baseline` is true for answers of epoch 0's constant
    model, `fallback` if the event belonged to a challenger that failed, so that the champion answered. `route` and
    `mode` say how the answer was asked for.

    On streams that learn from every outcome, `learnt_to` is the offset of the first outcome that the answer did not
    take into account, `known` holds the lag features that the model was given, and `experts` what each expert of a
    blend answered: with these an outcome holds all that a model learns from it. `shadow` holds what the models of a
    rollout that did not answer would have answered, for comparison only: empty where they were not asked, absent
    outside of a rollout.
    """

    value: str | float
    entity: str | None = None
    probabilities: list[float] | None = None
    lag_features: list[float | None] | UnsetType = field(default=UNSET, name="known")
    experts: list[float] | UnsetType = UNSET
    shadow: list[ShadowAnswer] | UnsetType = UNSET


class Prediction(Struct, tag_field="type", tag=PREDICTION_TYPE, kw_only=True):
    """A model's answer to the event of the same id. `source` is the event's with `#prediction`, `time` the event's own.

    Work that is repeated writes the same record again; the first by offset counts.
    """

    specversion: Literal["1.0"] = "1.0"
    source: DerivedSource
    id: Identifier
    time: Timestamp
    data: PredictionData
