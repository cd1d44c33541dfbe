"""From trained models to a champion that goes on learning: the past is rehearsed as it would have been."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.class_index import class_order
from penstock.ml.features.encoding import Encoder
from penstock.ml.features.lag_features import LabelHistory, lag_inputs
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import Blend, centre_and_scale, new_groups
from penstock.ml.online.expert_mixture import Mixture
from penstock.ml.online.prequential import evaluate_prequentially
from penstock.ml.selection.family_selection import Selection
from penstock.trainer.data.dataset import Rows, feature_fields, lags_of

JUDGED, LARGEST_JUDGED = 1000, 0.25  # rows on which a blend is judged where there are many, and their largest share
MOST_REHEARSED = 50_000  # newest outcomes: what additive models learnt before has faded, and boosters know it


def blend_of(
    declaration: Declaration, rows: Rows, selection: Selection, models: Sequence[Model], until: int
) -> tuple[Blend, slice, ModelOutput]:
    """A blend of the `models`, which stand for the contenders `selection.tried`, and its answers to its last rows.

    Those are at least the selection's holdout, and more where that is small: a few hundred rows tell two good models
    apart by chance. Everything is folded in the order of the outcomes, up to offset `until`. While it is rehearsed, the
    frozen models' part is played by those of the folds, which had not seen the rows that they answer.
    """
    blend, targets = _unlearned(declaration, rows, models, until)
    order = np.argsort(rows.offsets, kind="stable")
    newest = order[-MOST_REHEARSED:]
    tried = _tried(blend, rows, selection)
    answers = np.full((len(rows), blend.width), np.nan)
    answers[newest] = evaluate_prequentially(
        blend, rows.frame.take(newest), tried[newest], targets[newest], _known_before(rows, newest)
    )
    inputs = lag_inputs(rows.frame, blend.lags).tolist()
    for place in order:
        blend.known.take(rows.entities[place], targets[place], inputs[place])
    held = _judged(selection, answers)
    return blend, held, blend.answers(answers[held])


def _unlearned(
    declaration: Declaration, rows: Rows, models: Sequence[Model], until: int
) -> tuple[Blend, NDArray[np.float64]]:
    lags, regression = lags_of(declaration), declaration.task == "regression"
    classes = () if regression else class_order(rows.labels, declaration.label.classes)
    numbers = {name: float(index) for index, name in enumerate(classes)}
    targets = np.array([label if regression else numbers[label] for label in rows.labels], dtype=np.float64)
    blend = Blend(
        task=declaration.task,
        classes=classes,
        encoder=Encoder.fit(rows.frame, feature_fields(declaration), declaration.time.parts),
        lags=lags,
        frozen=tuple(models),
        groups=(),
        mixture=Mixture(1),
        known=LabelHistory(lags),
        learnt_to=until,
        details={"rows": len(rows), "seed": declaration.models.seed},
    )
    if "additive" in declaration.models.families:
        blend.groups = new_groups(blend.encoder, lags, rows.frame, targets, len(classes))
    experts = len(models) + sum(len(group.models.rates) for group in blend.groups)
    blend.mixture = Mixture(experts, centre_and_scale(targets)[1] if regression else 1.0)
    return blend, targets


def _tried(blend: Blend, rows: Rows, selection: Selection) -> NDArray[np.float64]:
    """What the contenders answered to the rows they had not seen, shape (n, f, k); NaN elsewhere."""
    said = np.full((len(rows), len(selection.tried), blend.width), np.nan)
    for place, trials in enumerate(selection.tried.values()):
        for test, found in trials:
            numbers = found.values if found.probabilities is None else found.probabilities
            said[test, place] = np.asarray(numbers, dtype=np.float64).reshape(-1, blend.width)
    return said


def _known_before(rows: Rows, newest: NDArray[np.intp]) -> NDArray[np.int64]:
    """How many of the newest outcomes were known when each of their events was answered.

    Where nobody said, as many as lie between an event and its outcome are taken to have been missing.
    """
    offsets, learnt_to = rows.offsets[newest], rows.learnt_to[newest]
    known = np.searchsorted(offsets, learnt_to, side="left")
    guessed = np.maximum(np.arange(len(newest)) - rows.gap, 0)
    return np.where(learnt_to < 0, guessed, known).astype(np.int64)


def _judged(selection: Selection, answers: NDArray[np.float64]) -> slice:
    """The last rows that were all answered: the holdout, and before it as many as make it large enough.

    After a change of the world they begin half-way since: the rows before that were answered by models which had seen
    next to nothing of it, and say little of one that has seen it all.
    """
    n, start = len(answers), selection.chosen.start
    enough = n - min(JUDGED, int(n * LARGEST_JUDGED))
    wanted = min(selection.holdout.start, max(enough, start + (n - start) // 2 if start else 0))
    unanswered = np.flatnonzero(np.isnan(answers).any(axis=1))
    return slice(max(wanted, int(unanswered[-1]) + 1 if len(unanswered) else 0), n)
