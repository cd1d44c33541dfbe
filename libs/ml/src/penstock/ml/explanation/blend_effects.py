"""The effects of a blend: those of its members, in the shares that the mixture gives them.

A blend averages logarithms of probabilities, or numbers, so what members add to theirs is averaged alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from penstock.ml.explanation.additive_effects import additive_effects
from penstock.ml.explanation.effects import Effects, Floats, weighted_sum
from penstock.ml.explanation.model_effects import TIME, model_effects
from penstock.ml.features.frame import Frame
from penstock.ml.models.calibration import log_probabilities
from penstock.ml.online.blend import Blend
from penstock.ml.online.key_forecasts import forecast_features, key_forecasts
from penstock.ml.online.recalibration import ClassRecalibration, Recalibration


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A member of a model: its name, its share in the answer, and its effects on its own scores."""

    name: str
    share: float
    effects: Effects


def blend_members(blend: Blend, row: Frame, known_rows: Frame) -> list[Member]:
    """The experts of a blend that have a share in its answer to one row, in the order of their outputs."""
    outputs = blend.predict(row).expert_outputs
    assert outputs is not None
    experts = outputs[:, : blend.mixture.weights.shape[1]]
    shares = blend.mixture.shares(experts)[0]
    members = zip(shares.tolist(), _effects_of_experts(blend, row, known_rows, experts[0]), strict=True)
    return [Member(name, share, effects) for share, (name, effects) in members if share > 0]


def sum_of(members: list[Member], k: int) -> Effects:
    """The effects on the k scores of all members together, each input once."""
    total = weighted_sum(((member.share, member.effects) for member in members), k)
    return total.named(total.names)


def _effects_of_experts(blend: Blend, row: Frame, known_rows: Frame, outputs: Floats) -> Iterator[tuple[str, Effects]]:
    models = [(model.family, model_effects(model, row, known_rows)) for model in blend.frozen_models]
    yield from models
    yield from _of_key_forecasts(blend, row, known_rows)
    yield from _of_additive_models(blend, row, known_rows)
    if blend.recalibration is not None:
        for index, (family, effects) in enumerate(models):
            yield f"{family}, corrected", _corrected(blend.recalibration, index, effects, outputs[index])


def _of_key_forecasts(blend: Blend, row: Frame, known_rows: Frame) -> Iterator[tuple[str, Effects]]:
    """What a history says by itself is of that history alone."""
    features = forecast_features(blend.lags.history, blend.classes) if blend.lags.history.keys else ()
    here, there = (key_forecasts(blend.lags.history, blend.classes, frame) for frame in (row, known_rows))
    for index, names in enumerate(features):
        scores, known = (_logarithms(blend, forecasts[:, index]) for forecasts in (here, there))
        known = known[np.isfinite(known).all(axis=1)]
        base = known.mean(axis=0) if len(known) else scores[0]
        yield names[0], Effects.exact(names[:1], base, scores - base)


def _of_additive_models(blend: Blend, row: Frame, known_rows: Frame) -> Iterator[tuple[str, Effects]]:
    encoder = blend.encoder
    parts = (*(field.name for field in encoder.fields), *(TIME for _ in encoder.time_parts))
    further = (name.rpartition(".target.")[0] for name in encoder.names[len(parts) :])
    plain = (*parts, *further)
    lagged = (*plain, *(field.name for field in blend.lags.fields))
    for group, here, there in zip(blend.groups, blend.bin_indices(row), blend.bin_indices(known_rows), strict=True):
        names = lagged if group.uses_lag_features else plain
        kind = "pairs of bins" if group.models.bins.paired else "bins"
        effects = additive_effects(group.models, names, here[0], there)
        for rate, of_rate in zip(group.models.rates, effects, strict=True):
            yield f"{kind}, learning rate {rate:g}", of_rate.named(names)


def _corrected(recalibration: Recalibration, index: int, effects: Effects, output: Floats) -> Effects:
    """The effects on what a model answers once it is corrected."""
    if isinstance(recalibration, ClassRecalibration):
        return effects.times(float(recalibration.slopes[index, 0]), recalibration.biases[index])
    outputs = np.full((1, len(recalibration.unit_sums), 1), np.nan)
    outputs[0, index] = output
    corrected = float(recalibration.outputs(outputs)[0, index, 0])
    if recalibration.by_share and output[0] > 0:
        return effects.times(corrected / float(output[0]))
    return effects.times(1.0, corrected - float(output[0]))


def _logarithms(blend: Blend, forecasts: Floats) -> Floats:
    return log_probabilities(forecasts) if blend.classes else forecasts
