"""Predictions made elsewhere, which events bring: recorded like our own, so that all who follow treat them alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.contracts.checks import entity_of, external_prediction
from penstock.contracts.decoding import encode
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction, PredictionData
from penstock.contracts.records.streams import StreamDeclared

EXTERNAL = "external"  # stands where our own models have their digest


def brought_by(declared: StreamDeclared, events: Sequence[Event[Any]], epoch: int, code: str) -> list[bytes | None]:
    """The prediction that each event brings, as a record under `epoch`; None: it brings none. `code` is our own version."""
    return [_brought_by(declared, event, epoch, code) for event in events]


def _brought_by(declared: StreamDeclared, event: Event[Any], epoch: int, code: str) -> bytes | None:
    value = external_prediction(declared.declaration, event)
    if value is None:
        return None
    data = PredictionData(
        value=value,
        entity=entity_of(declared.declaration, event),
        model=f"{declared.name}@{event.modelversion}" if event.modelversion else declared.name,
        version=0,
        digest=EXTERNAL,
        epoch=epoch,
        schema=declared.version,
        code=code,
    )
    return encode(Prediction(source=event.source + PREDICTION_SUFFIX, id=event.id, time=event.time, data=data))
