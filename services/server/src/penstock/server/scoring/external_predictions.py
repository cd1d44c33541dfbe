"""Predictions of external models, which events carry: recorded like our own, so that consumers treat them alike."""

from __future__ import annotations

from typing import Any

from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.entities import entity_of
from penstock.contracts.label_values import external_prediction
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction, PredictionData
from penstock.contracts.records.streams import StreamDeclared

EXTERNAL_DIGEST = "external"  # stands where our own models have their digest


def external_record(declared: StreamDeclared, event: Event[Any], epoch: int, code: str) -> bytes | None:
    """The prediction that an event carries, as a record under `epoch`; None when it carries none.

    `code` is the version of this package.
    """
    value = external_prediction(declared.declaration, event)
    if value is None:
        return None
    data = PredictionData(
        value=value,
        entity=entity_of(declared.declaration, event),
        model=f"{declared.name}@{event.modelversion}" if event.modelversion else declared.name,
        version=0,
        digest=EXTERNAL_DIGEST,
        epoch=epoch,
        schema=declared.version,
        code=code,
    )
    return encode(Prediction(source=event.source + PREDICTION_SUFFIX, id=event.id, time=event.time, data=data))
