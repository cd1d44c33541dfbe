"""The check of predictions that events carry: required if the stream's model is external, refused otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from penstock.contracts.checks.label_check import bound_refusal
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.external_predictions import BadProbabilities, external_prediction, external_probabilities
from penstock.contracts.input_bounds import is_too_large
from penstock.contracts.records.events import Event
from penstock.contracts.refusals import Refusal


def check_external_predictions(declaration: Declaration, events: Sequence[Event[Any]]) -> list[tuple[int, Refusal]]:
    """The refusals among `events` for the prediction that they carry or lack, each with the event's index."""
    external = declaration.serving.external
    if not external and not any(event.prediction is not UNSET or event.probabilities is not UNSET for event in events):
        return []
    check = _check_prediction if external else _check_no_prediction
    return [
        (index, refusal) for index, event in enumerate(events) if (refusal := check(declaration, event)) is not None
    ]


def _check_no_prediction(_: Declaration, event: Event[Any]) -> Refusal | None:
    if event.prediction is UNSET and event.probabilities is UNSET:
        return None
    return Refusal("unexpected_prediction", 'the stream does not declare [serving] model = "external"', "prediction")


def _check_prediction(declaration: Declaration, event: Event[Any]) -> Refusal | None:
    if event.prediction is UNSET:
        return _check_absence(declaration, event)
    value = external_prediction(declaration, event)
    if value is None:
        return Refusal("bad_prediction", f"expected {_expected(declaration)}", "prediction")
    if is_too_large(value):
        return bound_refusal("prediction")
    try:
        external_probabilities(declaration, event)
    except BadProbabilities as error:
        return Refusal("bad_prediction", str(error), "probabilities")
    return None


def _check_absence(declaration: Declaration, event: Event[Any]) -> Refusal | None:
    if declaration.serving.challengers and event.probabilities is UNSET:
        return None  # one of our own models may answer it
    detail = "the stream's model is external: each event carries its prediction"
    return Refusal("missing_prediction", detail, "prediction")


def _expected(declaration: Declaration) -> str:
    if declaration.task == "regression":
        return "a number"
    if declaration.label.new_classes == "accept":
        return "a class, which is no empty text"
    return f"one of {', '.join(declaration.label.classes)}"
