"""The judgement of a model that a person made: it is evaluated, packed and signed as what was trained here is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import numpy as np

from penstock.artifacts import Store
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.pushes import Push
from penstock.contracts.records.training import Evaluation
from penstock.ml.models.frame_estimator import FrameEstimator
from penstock.ml.models.model import Model
from penstock.ml.package.model_file import check_answers
from penstock.ml.package.model_package import unpack
from penstock.ml.selection.cross_validation import FoldOutput
from penstock.trainer.champions import BASELINE_VERSION
from penstock.trainer.data.archived_rows import archived_rows
from penstock.trainer.data.dataset import TrainingRows, feature_fields, label_classes, label_numbers
from penstock.trainer.evaluation.champion_answers import champion_answers
from penstock.trainer.evaluation.comparison import compare, objective_of
from penstock.trainer.evaluation.evaluation import evaluate
from penstock.trainer.job import TrainedModel, TrainingJob
from penstock.trainer.training.blend import wanted_rows
from penstock.trainer.training.decision_rule import with_decision_rule
from penstock.trainer.training.stored_model import golden_rows, store_model


class NotJudged(ValueError):
    """A push that cannot be judged; the message is one sentence that says why."""


def judge(job: TrainingJob, push: Push, store: Store) -> TrainedModel:
    """Evaluate a pushed model on the newest rows beside the champion, and pack it with golden rows of the stream.

    It is judged on what came after the champion's data, or on the newest quarter where there is none, and after what
    its maker says that it has learnt from. It answers by the stream's decision rule; its probabilities stay as they
    are.

    Raises:
        NotJudged: it does not fit the stream, or there are too few rows.
        ArtifactError: the model or a segment is missing or corrupt, or the store cannot be written.
        BadModelFile, UnusableAnswer, UnusablePackage: it cannot be opened, or has no answer to a row.
    """
    declaration = job.declaration
    model = _open(declaration, push, store)
    rows = archived_rows(declaration, job.segments, store)
    holdout = _holdout(job, push, rows)
    shown = rows.frame.take(golden_rows(holdout))
    check_answers(model, shown)
    model, output = _decide(declaration, model, rows, holdout)
    stored = store_model(store, model, feature_fields(declaration), rows.frame, slice(0, len(rows)))
    return stored.of(rows=0, learnt_from=0, evaluation=_evaluate(job, store, rows, output))


def _open(declaration: Declaration, push: Push, store: Store) -> Model:
    model = unpack(store.get(push.digest))
    if not isinstance(model, Model) or not isinstance(model.estimator, FrameEstimator) or model.family != push.family:
        raise NotJudged(f"the package is of the family {model.family}, which is not pushed")
    absent = [field.name for field in model.inputs if field not in feature_fields(declaration)]
    if absent:
        raise NotJudged(f"the stream has no such feature as the model takes: {', '.join(absent)}")
    if (model.task, model.classes) != (declaration.task, declaration.label.classes):
        raise NotJudged("it was made for another task or other classes than the stream declares: push it anew")
    return model


def _holdout(job: TrainingJob, push: Push, rows: TrainingRows) -> slice:
    declaration, n = job.declaration, len(rows)
    classes = label_classes(declaration, rows.labels)
    if classes != declaration.label.classes:
        raise NotJudged(
            f"labels have classes that are not declared: {', '.join(classes[len(declaration.label.classes) :])}"
        )
    wanted = wanted_rows(label_numbers(declaration, rows.labels), len(classes)) if n else 0
    start = rows.first_row_since(job.champion.until) if job.champion else n - max(wanted, declaration.gates.holdout)
    if push.trained_until is not None:
        learnt = np.datetime64(push.trained_until.astimezone(UTC).replace(tzinfo=None), "ms")
        start = max(start, int(np.searchsorted(rows.frame.times, learnt, side="right")))
    start = max(start, 0)
    if n - start < declaration.gates.holdout:
        raise NotJudged(
            f"there are {n - start} labelled events newer than what it or the champion has learnt from, and the gates "
            f"ask for {declaration.gates.holdout} to judge it on: push it again later"
        )
    return slice(start, n)


def _decide(declaration: Declaration, model: Model, rows: TrainingRows, holdout: slice) -> tuple[Model, FoldOutput]:
    """The model with the stream's decision rule, and its output for the holdout."""
    labels = label_numbers(declaration, rows.labels)
    outputs = model.predict(rows.frame).numbers(len(model.classes) or 1)
    objective = objective_of(declaration, model.classes)
    return with_decision_rule(replace(model, decision_costs=None), objective, labels, rows.known_at, outputs, holdout)


def _evaluate(job: TrainingJob, store: Store, rows: TrainingRows, output: FoldOutput) -> Evaluation:
    champion = champion_answers(job, store, rows, job.declaration.label.classes)
    comparison = compare(job.declaration, rows, output, champion)
    if not len(comparison.rows):
        raise NotJudged("the champion has answered none of the events that it would be judged on")
    version = job.champion.version if job.champion else BASELINE_VERSION
    return evaluate(job.declaration, rows, comparison, version)
