"""The blend of a stream that learns from every outcome: trained models and additive ones, evaluated prequentially."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.metrics.objective import Answers
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend, new_groups
from penstock.ml.online.column_bins import MAX_CODES
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.key_forecasts import forecast_features
from penstock.ml.online.prequential import evaluate_prequentially
from penstock.ml.online.recalibration import new_recalibration
from penstock.ml.selection.family_selection import Selection
from penstock.trainer.data.dataset import TrainingRows, feature_fields, fit_loss, label_classes
from penstock.trainer.data.lag_replay import LabelTimeline
from penstock.trainer.evaluation.comparison import objective_of
from penstock.trainer.evaluation.running_constant import running_constants

HOLDOUT_ROWS, HOLDOUT_SHARE = 1000, 0.25  # rows that a blend is scored on, and the share of all at which they end
RAREST, RARE_SHARE = 100, 0.5  # rows of the rarest class that it is scored on, and the share of all at which they end
MAX_LEARNT = 50_000  # newest outcomes: what additive models learnt before has faded, and trained models know it


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model, its outputs for n rows that it had not learnt, shape (n, k), NaN elsewhere, and its holdout.

    `aged_outputs` are what the outputs would be if it were still that of the first fold.
    """

    model: Model | Blend
    outputs: NDArray[np.float64]
    aged_outputs: NDArray[np.float64]
    holdout: slice


def blend_of(
    declaration: Declaration, rows: TrainingRows, selection: Selection, models: Sequence[Model], until: int
) -> Trained:
    """A blend of the `models`, trained from the candidates in `selection.outputs`.

    The holdout has at least the selection's rows, and more where these are few, or few are of the rarest class: a few
    hundred rows tell two good models apart by chance. The blend learns all outcomes before offset `until` in their
    order. Meanwhile the frozen models' outputs are those of the cross-validation folds, by models that had not seen the
    rows.
    """
    timeline = rows.label_timeline(declaration)
    blend = _untrained_blend(declaration, rows, timeline, models, until)
    frozen_outputs = _frozen_outputs(blend, rows, selection, _constants(declaration, rows, timeline, blend.classes))
    outputs = _evaluate(blend, rows, timeline, frozen_outputs)
    aged_outputs = outputs
    if selection.oldest:
        aged_blend = _untrained_blend(declaration, rows, timeline, models, until)
        aged_outputs = _evaluate(aged_blend, rows, timeline, _aged(frozen_outputs, selection, blend.width))
    blend.label_history = rows.label_history(declaration)
    holdout = _holdout(selection, outputs, wanted_rows(timeline.numbers, len(blend.classes)))
    return Trained(blend, outputs, aged_outputs, holdout)


def _evaluate(
    blend: Blend, rows: TrainingRows, timeline: LabelTimeline, frozen_outputs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The blend's outputs for n rows while it learns them, shape (n, k); NaN for those before the newest."""
    newest = rows.in_offset_order()[-MAX_LEARNT:]
    outputs = np.full((len(rows), blend.width), np.nan)
    outputs[newest] = evaluate_prequentially(
        blend, rows.frame.take(newest), frozen_outputs[newest], timeline.numbers[newest], rows.known_counts(newest)
    )
    return outputs


def _aged(frozen_outputs: NDArray[np.float64], selection: Selection, width: int) -> NDArray[np.float64]:
    """The frozen models' outputs if those of the first fold had never been replaced."""
    aged = frozen_outputs.copy()
    for index, fold in enumerate(selection.oldest.values()):
        aged[fold.rows, index] = fold.output.numbers(width)
    return aged


def _untrained_blend(
    declaration: Declaration, rows: TrainingRows, timeline: LabelTimeline, models: Sequence[Model], until: int
) -> Blend:
    lags, classes = Lags.of(declaration), label_classes(declaration, rows.labels)
    encoder = Encoder.fit(rows.frame, feature_fields(declaration), declaration.time.parts, limit=MAX_CODES)
    is_additive = "additive" in declaration.models.families
    loss = fit_loss(declaration)
    groups = new_groups(encoder, lags, rows.frame, timeline.numbers, len(classes), loss) if is_additive else ()
    of_keys = len(forecast_features(lags.history, classes))
    recalibration = new_recalibration(len(models), len(classes), timeline.numbers, loss)
    corrected = 0 if recalibration is None else len(models)
    experts = len(models) + of_keys + sum(len(group.models.rates) for group in groups) + corrected
    scale = 1.0 if classes else loss.centre_and_scale(timeline.numbers)[1]
    return Blend(
        task=declaration.task,
        classes=classes,
        encoder=encoder,
        lags=lags,
        frozen_models=tuple(models),
        groups=groups,
        mixture=ExpertMixture(experts, scale, loss=loss),
        label_history=LabelHistory(lags),
        learnt_to=until,
        details={"rows": len(rows), "seed": declaration.models.seed},
        recalibration=recalibration,
    )


def _constants(
    declaration: Declaration, rows: TrainingRows, timeline: LabelTimeline, classes: Sequence[str]
) -> Answers:
    objective = objective_of(declaration, classes)
    return running_constants(objective, timeline.numbers, rows.known_at, np.arange(len(rows)))


def _frozen_outputs(blend: Blend, rows: TrainingRows, selection: Selection, constants: Answers) -> NDArray[np.float64]:
    """The candidates' outputs for rows that they had not seen, NaN elsewhere, the constant's, and keys': (n, f, k)."""
    outputs = np.full((len(rows), len(selection.outputs) + 1, blend.width), np.nan)
    for index, folds in enumerate(selection.outputs.values()):
        for fold in folds:
            outputs[fold.rows, index] = fold.output.numbers(blend.width)
    outputs[:, -1] = constants.values[:, None] if constants.probabilities is None else constants.probabilities
    return blend.with_key_forecasts(outputs, rows.frame)


def wanted_rows(labels: NDArray[np.float64], classes: int) -> int:
    """How many of n rows with these labels, as numbers, a blend or a push is to be scored on."""
    n = len(labels)
    wanted = min(HOLDOUT_ROWS, int(n * HOLDOUT_SHARE))
    if not classes:
        return wanted
    counts = np.bincount(labels.astype(np.intp))
    return max(wanted, min(ceil(RAREST * n / int(counts[counts > 0].min())), int(n * RARE_SHARE)))


def _holdout(selection: Selection, outputs: NDArray[np.float64], wanted: int) -> slice:
    """The last rows that all have an output: the selection's holdout, and as many before it as are wanted.

    After a change of the stream it begins halfway since: the rows before that were predicted by models which had seen
    next to nothing of it, and say little of one that has seen it all.
    """
    n, start = len(outputs), selection.best.start
    first = min(selection.holdout.rows.start, max(n - wanted, start + (n - start) // 2 if start else 0))
    without_output = np.flatnonzero(np.isnan(outputs).any(axis=1))
    return slice(max(first, int(without_output[-1]) + 1 if len(without_output) else 0), n)
