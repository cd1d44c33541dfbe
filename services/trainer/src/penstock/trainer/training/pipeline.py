"""The training pipeline: a pure function of the archived segments, the declaration and its seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from penstock.artifacts import Store
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.input_bounds import MOST_CLASSES
from penstock.contracts.records.training import AgeLoss, Evaluation, SearchSummary
from penstock.ml.features.lag_features import Lags
from penstock.ml.models.baseline import baseline
from penstock.ml.models.families import FAMILIES
from penstock.ml.models.model import Model
from penstock.ml.online.blend import Blend
from penstock.ml.selection.cross_validation import FoldOutput, Validate, fit_candidate, validate_defaults
from penstock.ml.selection.family_selection import CostPreference, Selection, select_family
from penstock.ml.selection.validation_plan import ValidationPlan, known_rows
from penstock.trainer.champions import BASELINE_VERSION
from penstock.trainer.data.archived_rows import archived_rows
from penstock.trainer.data.dataset import TrainingRows, feature_fields, label_classes, label_numbers
from penstock.trainer.data.earlier_history import earlier_history
from penstock.trainer.evaluation.ages import age_loss, generation_losses
from penstock.trainer.evaluation.champion_answers import champion_answers
from penstock.trainer.evaluation.comparison import Comparison, compare, objective_of
from penstock.trainer.evaluation.evaluation import evaluate
from penstock.trainer.evaluation.running_constant import constant_answer
from penstock.trainer.evaluation.scoring_time import fused_scoring_seconds
from penstock.trainer.job import TrainedModel, TrainingJob, TrainingResources
from penstock.trainer.training.blend import Trained, blend_of
from penstock.trainer.training.calibration import with_calibration
from penstock.trainer.training.decision_rule import with_decision_rule
from penstock.trainer.training.stored_model import store_model

MIN_ROWS = 20
MAX_FOLDS = 3


class NothingToLearn(ValueError):
    """The data do not allow a model; the message is one sentence that says why."""


def train(job: TrainingJob, store: Store, resources: TrainingResources) -> TrainedModel:
    """Select a family on the past, score it on what followed, and fit it anew on all rows that it is to learn from.

    For a stream that learns from every outcome the result is a blend of several models. Where the stream declares a
    search, settings are selected together with families; a search that was cut off by a kill is resumed.

    Raises:
        NothingToLearn: there are too few rows, only one class, or too many, or no label came before the last event.
        ArtifactError: a segment is missing or corrupt, or the store cannot be written.
        ValueError: no family could be trained.
    """
    rows = _with_earlier_history(job, store, archived_rows(job.declaration, job.segments, store))
    _check_rows(job.declaration, rows)
    with _validation(job, resources) as validate:  # around everything: a search is kept until its training has ended
        selection = _select(job, rows, validate)
        return _store_model(job, store, rows, selection, _fit_selection(job, rows, selection))


def _with_earlier_history(job: TrainingJob, store: Store, rows: TrainingRows) -> TrainingRows:
    """Where older outcomes were left out, histories by key go on from what the champion knew of them."""
    lags = Lags.of(job.declaration)
    if not rows.first_offset or not lags.history.keys or job.champion is None:
        return rows
    return replace(rows, earlier=earlier_history(job.champion.digest, store, lags, rows.first_offset))


def _select(job: TrainingJob, rows: TrainingRows, validate: Validate) -> Selection:
    declaration = job.declaration
    starts = tuple(_changes_by_row(job, rows))
    newest = starts[-1] if starts else 0
    return select_family(
        trained_families(declaration),
        rows.training_data(declaration),
        ValidationPlan(
            _fold_count(len(rows) - newest, declaration.gates.holdout),
            rows.known_at,
            starts,
            rows.first_row_since(job.champion.until) if job.champion else 0,
        ),
        objective=objective_of(declaration, label_classes(declaration, rows.labels)),
        seed=declaration.models.seed,
        validate=validate,
        preference=_cost_preference(declaration),
    )


def _changes_by_row(job: TrainingJob, rows: TrainingRows) -> dict[int, int]:
    """The offset of each change, by the first row after it; ascending."""
    by_row = {rows.first_row_since(offset): offset for offset in job.changes}
    return {row: offset for row, offset in by_row.items() if row}


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A model as it will serve, its output for the holdout, and what its age would cost."""

    model: Model | Blend
    holdout: FoldOutput
    ages: tuple[AgeLoss, ...]


def _fit_selection(job: TrainingJob, rows: TrainingRows, selection: Selection) -> _Fitted:
    """The model of all rows that it is to learn from, with its calibration and decision rule."""
    trained = _train_selection(job, rows, selection)
    labels = label_numbers(job.declaration, rows.labels)
    objective = objective_of(job.declaration, label_classes(job.declaration, rows.labels))
    model, outputs = with_calibration(trained.model, labels, rows.known_at, trained.outputs, trained.holdout)
    model, holdout = with_decision_rule(model, objective, labels, rows.known_at, outputs, trained.holdout)
    generations = trained.outputs, trained.aged_outputs
    ages = generation_losses(objective, labels, *generations, selection.tests, model.decision_costs)
    return _Fitted(model, holdout, ages)


def _train_selection(job: TrainingJob, rows: TrainingRows, selection: Selection) -> Trained:
    declaration, n = job.declaration, len(rows)
    data, every, seed = rows.training_data(declaration), np.arange(n), declaration.models.seed
    if not declaration.learns_online:
        outputs = selection.outputs_of_best(n), selection.aged_outputs_of_best(n)
        return Trained(fit_candidate(selection.best, data, every, seed), *outputs, selection.holdout.rows)
    models = [fit_candidate(candidate, data, every, seed) for candidate in selection.outputs]
    models.append(_constant_model(declaration, rows))
    until = max((segment.stop for segment in job.segments), default=0)
    return blend_of(declaration, rows, selection, models, until)


def _constant_model(declaration: Declaration, rows: TrainingRows) -> Model:
    """The best constant: of what else is learnt a blend takes no more than shows."""
    classes = label_classes(declaration, rows.labels)
    answer = constant_answer(objective_of(declaration, classes), label_numbers(declaration, rows.labels))
    prior = dict(zip(classes, answer, strict=True)) if classes else answer[0]
    return baseline(declaration.task, classes, prior, feature_fields(declaration))


def _store_model(
    job: TrainingJob, store: Store, rows: TrainingRows, selection: Selection, fitted: _Fitted
) -> TrainedModel:
    """Put the model's package and profile into the store, and evaluate it."""
    first = 0 if job.declaration.learns_online else int(selection.best.learnt_rows(np.arange(len(rows)))[0])
    learnt = slice(first, len(rows))
    stored = store_model(store, fitted.model, fitted.model.encoder.fields, rows.frame, learnt)
    return stored.of(
        rows=learnt.stop - learnt.start,
        learnt_from=_changes_by_row(job, rows).get(selection.best.start, rows.first_offset),
        evaluation=_evaluate(job, store, rows, selection, fitted),
    )


def _evaluate(job: TrainingJob, store: Store, rows: TrainingRows, selection: Selection, fitted: _Fitted) -> Evaluation:
    """Compared with the champion's package; with a constant where there is none, or it cannot answer these rows."""
    classes = label_classes(job.declaration, rows.labels)
    champion = champion_answers(job, store, rows, classes)
    comparison = compare(job.declaration, rows, fitted.holdout, champion)
    if not len(comparison.rows):
        raise NothingToLearn("the champion has answered none of the events that the candidate is judged on")
    version = job.champion.version if job.champion else BASELINE_VERSION
    ages = (*fitted.ages, *_champion_age(job, rows, selection, comparison))
    newer = len(rows) - selection.tests[-1].start if ages else 0
    evaluation = evaluate(job.declaration, rows, comparison, version, ages, newer)
    return evaluation.model_copy(update=_how_selected(job.declaration, selection))


def _how_selected(declaration: Declaration, selection: Selection) -> dict[str, Any]:
    search = _search_summary(selection) if declaration.models.search.trials else None
    return {"families": selection.scores, "failed": selection.failed, "search": search}


def _search_summary(selection: Selection) -> SearchSummary:
    failed = len(selection.failed)
    return SearchSummary(
        trials=len(selection.scores) + failed + selection.pruned,
        pruned=selection.pruned,
        failed=failed,
        family=selection.best.family,
        settings=dict(selection.best.settings),
    )


def _champion_age(
    job: TrainingJob, rows: TrainingRows, selection: Selection, comparison: Comparison
) -> tuple[AgeLoss, ...]:
    """What the champion loses more than the candidate, which is older by the rows between what either has learnt."""
    if job.champion is None or job.champion.push or comparison.champion is None:
        return ()
    age = selection.tests[-1].start - rows.first_row_since(job.champion.until)
    objective = objective_of(job.declaration, comparison.classes)
    measured = age_loss(objective, comparison.labels, comparison.champion, comparison.candidate, age)
    return () if measured is None else (measured,)


@contextmanager
def _validation(job: TrainingJob, resources: TrainingResources) -> Iterator[Validate]:
    """How candidates are validated: by a search if the stream declares one, kept until the training has ended."""
    declared = job.declaration.models.search
    if not declared.trials:
        yield validate_defaults
        return
    # Optuna takes a second to import.
    from penstock.trainer.search.parallel import parallel_calls  # noqa: PLC0415
    from penstock.trainer.search.search import search  # noqa: PLC0415
    from penstock.trainer.search.studies import delete_study, study_file  # noqa: PLC0415

    file = study_file(job, resources.searches) if resources.searches else None
    try:
        with parallel_calls(resources) as run_calls:
            yield partial(search, declared=declared, file=file, run_calls=run_calls, width=resources.jobs)
    finally:
        if file is not None:
            delete_study(file)


def _cost_preference(declaration: Declaration) -> CostPreference | None:
    models = declaration.models
    return CostPreference(models.within, fused_scoring_seconds) if models.prefer == "cheapest" else None


def trained_families(declaration: Declaration) -> list[str]:
    """The families that compete: all that are trained at once, linear where there are none."""
    return [family for family in declaration.models.families if family in FAMILIES] or ["linear"]


def _check_rows(declaration: Declaration, rows: TrainingRows) -> None:
    if len(rows) < MIN_ROWS:
        raise NothingToLearn(f"{len(rows)} labelled events are too few to learn from, {MIN_ROWS} are needed")
    if len(set(rows.labels)) > MOST_CLASSES and declaration.task != "regression":
        raise NothingToLearn(f"the labels have more than {MOST_CLASSES} classes: predictions would be too large")
    if declaration.task != "regression" and len(set(rows.labels)) < 2:
        raise NothingToLearn(f"all {len(rows)} labels are {rows.labels[0]!r}: there is nothing to tell apart")
    if not len(known_rows(rows.known_at, len(rows) - 1)):
        raise NothingToLearn(
            f"none of {len(rows)} labels came before the last event, so nothing shows how a model would have answered: "
            "it is trained once events are labelled that came after these labels"
        )


def _fold_count(rows: int, holdout: int) -> int:
    """As many folds as leave the last one `holdout` rows, if that is possible: each fold tests rows / (folds + 1)."""
    return min(MAX_FOLDS, max(1, rows // holdout - 1))
