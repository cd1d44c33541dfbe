"""The reasons of one answer: its margin as a sum of what each input added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penstock.ml.explanation.blend_effects import Member, blend_members, sum_of
from penstock.ml.explanation.effects import Effects, Floats
from penstock.ml.explanation.model_effects import known_classes, model_effects, with_calibration
from penstock.ml.features.frame import Frame
from penstock.ml.features.lag_features import Lags
from penstock.ml.models.calibration import log_probabilities
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend


@dataclass(frozen=True, slots=True)
class Contribution:
    """What an input added to a margin, and the standard error of that; None: it is exact."""

    name: str
    added: float
    error: float | None = None


@dataclass(frozen=True, slots=True)
class MemberReasons:
    """The margin of one member of a model, of which the answer has this `share`; `rest` is missing in the sum."""

    name: str
    share: float
    base: float
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Reasons:
    """The `margin` of an answer as a sum: `base`, what each input added (the most first), and `rest`.

    The margin of a class is the logarithm of its probability, less the mean of those of the `others`: of two classes
    their log odds. The margin of a number is itself. `base` is the margin of what the members say on average. `rest`
    is what is no input's: that probabilities are kept from 0, and members that have no scores of their own.
    """

    margin: float
    base: float
    contributions: tuple[Contribution, ...]
    rest: float
    others: tuple[str, ...]
    members: tuple[MemberReasons, ...]


def reasons_of(model: Model | Blend, row: Frame, known_rows: Frame, answer: str | float, numbers: Floats) -> Reasons:
    """The reasons of an answer to one row.

    Args:
        model: the model as it was when it answered.
        row: the row, with the lag features that the model was given.
        known_rows: rows that inputs are compared with, such as the model's golden rows.
        answer: the class or number answered.
        numbers: the class probabilities that were answered, or the number, shape (k,).

    Raises:
        ValueError: the class is one that a member of the model cannot tell from any other.
        WrongFields, UnusableAnswer: the model does not answer such a row.
    """
    members = _members(model, row, known_rows)
    weights, others = _contrast(model, answer)
    total = sum_of(members, len(weights))
    if isinstance(model, Blend) and model.calibration is not None:
        total = with_calibration(total, model.calibration)
    scores = log_probabilities(numbers) if model.classes else numbers
    margin, base, contributions = float(scores @ weights), *_margin(total, weights, model)
    rest = margin - base - sum(one.added for one in contributions)
    parts = tuple(MemberReasons(one.name, one.share, *_margin(one.effects, weights, model)) for one in members)
    return Reasons(margin, base, contributions, rest, others, parts)


def _members(model: Model | Blend, row: Frame, known_rows: Frame) -> list[Member]:
    if isinstance(model, Blend):
        return blend_members(model, row, known_rows)
    return [Member(model.family, 1.0, model_effects(model, row, known_rows))]


def _contrast(model: Model | Blend, answer: str | float) -> tuple[Floats, tuple[str, ...]]:
    """What makes the margin of scores, shape (k,), and the classes that the answer is compared with.

    These are the other classes that all members know: of a class without a score nothing can be told.
    """
    if not model.classes:
        return np.ones(1), ()
    models = model.frozen_models if isinstance(model, Blend) else (model,)
    known = frozenset.intersection(frozenset(range(len(model.classes))), *map(known_classes, models))
    index = model.classes.index(str(answer))
    others = sorted(known - {index})
    if index not in known or not others:
        raise ValueError(f"a member of the model was not trained on {answer!r}, or on nothing else")
    weights = np.zeros(len(model.classes))
    weights[others] = -1 / len(others)
    weights[index] = 1.0
    return weights, tuple(model.classes[other] for other in others)


def _margin(effects: Effects, weights: Floats, model: Model | Blend) -> tuple[float, tuple[Contribution, ...]]:
    """The base, and what each input added to the margin, the most first."""
    lags = model.lags if isinstance(model, Blend) else Lags()
    effects = effects.named(_shown_names(effects.names, lags))
    added, errors = effects.added @ weights, np.sqrt(effects.errors**2 @ weights**2)
    contributions = [
        Contribution(name, float(value), float(error) or None)
        for name, value, error in zip(effects.names, added, errors, strict=True)
    ]
    ordered = sorted(contributions, key=lambda one: -abs(one.added))
    return float(effects.base @ weights), tuple(one for one in ordered if one.added or one.error)


def _shown_names(names: Sequence[str], lags: Lags) -> list[str]:
    """Lag features are shown as the histories that they are of.

    >>> _shown_names(["amount", "known.1", "known.mean", "known.load.48"], Lags((1,), 3, (("load", 48),)))
    ['amount', 'known labels', 'known labels', 'history of load']
    """
    shown = {f"known.{k}": "known labels" for k in (*lags.labels, "mean")}
    shown |= {f"known.{name}.{k}": f"history of {name}" for name, k in lags.inputs}
    width = len(lags.history.fields) // max(1, len(lags.history.keys))
    owners = [key for key in lags.history.keys for _ in range(width)]
    for field, key in zip(lags.history.fields, owners, strict=True):
        shown[field.name] = f"history of {' and '.join(key)}"
    lag_names = {field.name for field in lags.fields}
    return [shown[name] if name in lag_names else name for name in names]
