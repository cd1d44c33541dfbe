"""What an external model says with an event: its prediction, the probabilities of the classes, and its version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import isfinite
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.label_values import class_name
from penstock.contracts.records.events import Event

UNNAMED = -1  # the version of an external model whose sender states none
LARGEST = 2**53 - 8  # of a number made from a version: JSON carries it everywhere
SUM_TOLERANCE = 0.01  # of probabilities, which producers round


class BadProbabilities(ValueError):
    """They are no probabilities of the declared classes; the message says why."""


def external_version(modelversion: str | UnsetType) -> int:
    """A number below 0 for the version that a sender states, equal for equal ones; `UNNAMED` where none is stated.

    >>> external_version("2026.1") == external_version("2026.1") < UNNAMED, external_version(UNSET)
    (True, -1)
    """
    if not modelversion:
        return UNNAMED
    digest = int.from_bytes(blake2b(modelversion.encode(), digest_size=8).digest())
    return UNNAMED - 1 - digest % LARGEST


def external_name(stream: str, modelversion: str | UnsetType) -> str:
    """The name of an external model, which ends with the version that its sender states.

    >>> external_name("loans", "2026.1"), external_name("loans", UNSET)
    ('loans@2026.1', 'loans')
    """
    return f"{stream}@{modelversion}" if modelversion else stream


def external_prediction(declaration: Declaration, event: Event[Any]) -> str | float | None:
    """The prediction that an event carries, a class as text or a number; None if there is none, or it fits neither.

    A number may be sent as text: in CloudEvents' binary mode attributes are headers, and headers are text.
    """
    prediction = event.prediction
    if prediction is UNSET:
        return None
    if declaration.task == "regression":
        return _finite_number(prediction)
    name, accepts_any = class_name(declaration.label, prediction), declaration.label.new_classes == "accept"
    return name if name in declaration.label.classes or (name and accepts_any) else None


def external_probabilities(declaration: Declaration, event: Event[Any]) -> list[float] | None:
    """The probabilities that an event carries, one for each declared class in declared order; None if it has none.

    Raises:
        BadProbabilities: they do not fit the declared classes, or are no probabilities.
    """
    value = event.probabilities
    if isinstance(value, UnsetType):
        return None
    if not declaration.label.classes:
        raise BadProbabilities("the stream declares no classes")
    try:
        stated = msgspec.json.decode(value, type=dict[str, float] | list[float]) if isinstance(value, str) else value
    except msgspec.MsgspecError as error:
        raise BadProbabilities("expected the JSON of an object by class, or of an array") from error
    probabilities = _in_declared_order(declaration, stated)
    if not all(0 <= probability <= 1 for probability in probabilities):
        raise BadProbabilities("each is a number from 0 to 1")
    if abs(sum(probabilities) - 1) > SUM_TOLERANCE:
        raise BadProbabilities(f"together they are 1, not {sum(probabilities):.4g}")
    return probabilities


def _in_declared_order(declaration: Declaration, stated: Mapping[str, float] | Sequence[float]) -> list[float]:
    classes = declaration.label.classes
    if not isinstance(stated, Mapping):
        if len(stated) != len(classes):
            raise BadProbabilities(f"expected one for each of the {len(classes)} classes, got {len(stated)}")
        return list(stated)
    by_class = {class_name(declaration.label, name): probability for name, probability in stated.items()}
    if unknown := by_class.keys() - set(classes):
        raise BadProbabilities(f"{min(unknown)[:50]!r} is no declared class")
    return [by_class.get(name, 0.0) for name in classes]


def _finite_number(value: str | float | bool) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None
