"""Predictions: a model's answer to an event, and which model gave it."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from penstock.contracts.records.events import DerivedSource, Identifier, Timestamp

PREDICTION_TYPE = "penstock.prediction.v1"
PREDICTION_SUFFIX = "#prediction"

Arm = Literal["champion", "challenger"]


def version_name(model: str, version: int) -> str:
    """A version as people know it: its number, or what the sender of an external model's prediction states.

    >>> version_name("loans", 7), version_name("loans@2026.1", -123), version_name("loans", -1)
    ('7', '2026.1', 'external')
    """
    return str(version) if version >= 0 else model.partition("@")[2] or "external"


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

    @property
    def version_name(self) -> str:
        """The version as people know it."""
        return version_name(self.model, self.version)


class ShadowAnswer(Struct):
    """What a shadow would have answered; None if it failed.

    `probabilities` are there where the stream's objective is a loss of probabilities, `model` of an external one.
    """

    version: int
    value: str | float | None
    probabilities: list[float] | UnsetType = UNSET
    model: str | UnsetType = UNSET


class PredictionData(Attribution, kw_only=True):
    """One answer, and which model gave it.

    `value` is a class as text, or a number for regression. `probabilities` has one probability per class, in the order
    of the model's classes.

    `model`, `version` and `digest` name the model version that answered; of an external model `model` ends with the
    version that its sender stated, and `version` is a number below 0 made from it (-1: none was stated). `epoch` is
    the epoch, `schema` the version of the stream's declaration, and `code` the version of Penstock. `baseline` is true
    for answers of epoch 0's constant model, `fallback` if the event belonged to a challenger that failed, so that the
    champion answered. `route` and `mode` say how the answer was asked for.

    On streams that learn from every outcome, `learnt_to` is the offset of the first outcome that the answer did not
    take into account, `known` holds the lag features that the model was given, and `experts` what each expert of a
    blend answered: with these an outcome holds all that a model learns from it. `shadow` holds what the models of a
    rollout that did not answer would have answered, or the external model beside which one of ours has come to serve,
    for comparison only: empty where they were not asked, absent where there are none.
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
