"""Predictions of external models, which events carry: recorded like our own, so that consumers treat them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec import UNSET

from penstock.contracts.codecs.prediction_encoder import PredictionDetails
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.entities import entity_of
from penstock.contracts.external_predictions import (
    BadProbabilities,
    external_name,
    external_prediction,
    external_probabilities,
    external_version,
)
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction, PredictionData, ShadowAnswer
from penstock.contracts.records.streams import StreamDeclared
from penstock.server.models.serving_models import ServingModels
from penstock.server.scoring.prediction_batch import PredictionBatch

EXTERNAL_DIGEST = "external"  # stands where our own models have their digest


def is_answered_here(declared: StreamDeclared, serving: ServingModels) -> bool:
    """Whether one of our models answers: on a stream whose model is external only once a person has promoted it."""
    declaration = declared.declaration.serving
    return not declaration.external or (declaration.challengers and not serving.is_baseline)


def external_record(
    declared: StreamDeclared, event: Event[Any], epoch: int, code: str, shadow: list[ShadowAnswer] | None
) -> bytes | None:
    """The prediction that an event carries, as a record under `epoch`; None when it carries none.

    `code` is the version of this package, `shadow` what our own challengers would have answered, None outside of a
    rollout.
    """
    value = external_prediction(declared.declaration, event)
    if value is None:
        return None
    data = PredictionData(
        value=value,
        probabilities=_probabilities(declared, event),
        entity=entity_of(declared.declaration, event),
        model=external_name(declared.name, event.modelversion),
        version=external_version(event.modelversion),
        digest=EXTERNAL_DIGEST,
        epoch=epoch,
        schema=declared.version,
        code=code,
        shadow=UNSET if shadow is None else shadow,
    )
    return encode(Prediction(source=event.source + PREDICTION_SUFFIX, id=event.id, time=event.time, data=data))


def with_external_shadows(
    declared: StreamDeclared, batches: Sequence[PredictionBatch], events: Sequence[Event[Any]]
) -> Sequence[PredictionBatch]:
    """The predictions of our models, with what the external model has said of the same events as a shadow."""
    shadows = [_shadow(declared, event) for event in events]
    return [_with_shadows(batch, shadows) for batch in batches] if any(shadows) else batches


def _with_shadows(batch: PredictionBatch, of_events: Sequence[list[ShadowAnswer]]) -> PredictionBatch:
    shadows = of_events if batch.rows is None else [of_events[row] for row in batch.rows]
    details = batch.details or PredictionDetails()
    before = details.shadow or [[] for _ in shadows]
    shadow = [[*ours, *external] for ours, external in zip(before, shadows, strict=True)]
    return replace(batch, details=replace(details, shadow=shadow))


def _shadow(declared: StreamDeclared, event: Event[Any]) -> list[ShadowAnswer]:
    value = external_prediction(declared.declaration, event)
    if value is None:
        return []
    probabilities = _probabilities(declared, event)
    stated = UNSET if probabilities is None else probabilities
    model = external_name(declared.name, event.modelversion)
    return [ShadowAnswer(external_version(event.modelversion), value, stated, model)]


def _probabilities(declared: StreamDeclared, event: Event[Any]) -> list[float] | None:
    """Those that the event carries; None as well where the classes have changed since it was checked."""
    try:
        return external_probabilities(declared.declaration, event)
    except BadProbabilities:
        return None
