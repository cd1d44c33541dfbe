"""Training itself: a pure function of the archived segments, the declaration and its seed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from penstock.artifacts import Store
from penstock.contracts.declaration.stream import Declaration
from penstock.ml.drift.reference_bins import ReferenceBins
from penstock.ml.features.frame import Frame
from penstock.ml.models.families import FAMILIES, fit
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import Blend
from penstock.ml.package.model_package import pack, unpack
from penstock.ml.selection.cross_validation import CandidateSpec, Judge, each_as_it_is
from penstock.ml.selection.family_selection import CostPreference, Selection, select_family
from penstock.trainer.data.dataset import Rows, feature_fields, lags_of, rows_of
from penstock.trainer.data.segments import from_parquet
from penstock.trainer.evaluation.evaluation import evaluate
from penstock.trainer.evaluation.scoring_time import cost_once_fused, scoring_seconds
from penstock.trainer.job import Job, Means, Trained
from penstock.trainer.training.blend import blend_of

FEWEST_ROWS = 20
MOST_FOLDS = 3
GOLDEN_ROWS = 32
PROFILE_FORMAT = 1


class NothingToLearn(ValueError):
    """The data do not allow a model; the message is one sentence that says why."""


def train(job: Job, store: Store, means: Means) -> Trained:
    """Choose families on the past, judge them on what followed, and fit them anew on everything they are to learn from.

    Of a stream that learns from every outcome a blend is made of them. Where the stream declares a search, settings are
    chosen together with families; a search that a kill cut off goes on where it was.

    Raises:
        NothingToLearn: there are too few rows, or only one class.
        ArtifactError: a segment is missing or corrupt, or the store takes nothing.
        ValueError: no family could be trained.
    """
    with _judging(job, means) as judge:
        return _trained(job, store, judge)


def _trained(job: Job, store: Store, judge: Judge) -> Trained:
    declaration = job.declaration
    rows = rows_of(declaration, [from_parquet(store.get(segment.digest)) for segment in job.segments])
    _worth_learning(declaration, rows)
    since = 0 if job.since is None else rows.place_of(job.since)
    selection = select_family(
        trained_families(declaration),
        rows.frame,
        rows.labels,
        gap=rows.gap,
        count=_folds(len(rows) - since, declaration.gates.holdout),
        since=since or None,
        lagged=lags_of(declaration).fields,
        judge=judge,
        thrift=_thrift(declaration),
        **_learning(declaration),
    )
    made, held, answers = _made(job, rows, selection)
    learnt = slice(0 if declaration.learns else selection.chosen.start, len(rows))
    package = pack(made, rows.frame.take(_spread(learnt)))
    return Trained(
        family=made.family,
        digest=store.put(package),
        profile=store.put(_profile(made, rows.frame.take(learnt))),
        size=len(package),
        rows=learnt.stop - learnt.start,
        learnt_from=(job.since or 0) if selection.chosen.start else 0,
        evaluation=evaluate(declaration, rows, selection, held, answers),
        scoring_seconds=scoring_seconds(unpack(package), rows.frame),
    )


@contextmanager
def _judging(job: Job, means: Means) -> Iterator[Judge]:
    """How contenders are judged: by a search if the stream declares one, kept until the training has ended."""
    asked = job.declaration.models.search
    if not asked.trials:
        yield each_as_it_is
        return
    # Optuna takes a second to import.
    from penstock.trainer.search.parallel import crew  # noqa: PLC0415
    from penstock.trainer.search.search import search  # noqa: PLC0415
    from penstock.trainer.search.studies import file_of, forget  # noqa: PLC0415

    file = file_of(job, means.searches) if means.searches else None
    try:
        with crew(means) as together:
            yield partial(search, asked=asked, file=file, together=together, width=means.jobs)
    finally:
        if file is not None:
            forget(file)


def _thrift(declaration: Declaration) -> CostPreference | None:
    models = declaration.models
    return CostPreference(models.within, cost_once_fused) if models.prefer == "cheapest" else None


def trained_families(declaration: Declaration) -> list[str]:
    """The families that compete: all that are trained rather than grown, linear where there are none."""
    return [family for family in declaration.models.families if family in FAMILIES] or ["linear"]


def _made(job: Job, rows: Rows, selection: Selection) -> tuple[Model | Blend, slice, ModelOutput]:
    """The candidate, and its answers to the rows that it is judged on."""
    declaration = job.declaration
    if not declaration.learns:
        return _fitted(declaration, rows, selection.chosen), selection.holdout, selection.holdout_predictions
    models = [_fitted(declaration, rows, contender) for contender in selection.tried]
    until = max((segment.stop for segment in job.segments), default=0)
    return blend_of(declaration, rows, selection, models, until)


def _fitted(declaration: Declaration, rows: Rows, contender: CandidateSpec) -> Model:
    learnt = slice(contender.start, len(rows))
    learning = _learning(declaration)
    if contender.lagged:
        learning["fields"] = [*learning["fields"], *lags_of(declaration).fields]
    known = rows.frame.take(learnt), rows.labels[learnt]
    return fit(contender.family, *known, settings=contender.settings, **learning)


def _learning(declaration: Declaration) -> dict[str, Any]:
    """What every fit is given, whatever rows it sees."""
    return {
        "fields": feature_fields(declaration),
        "task": declaration.task,
        "time_parts": declaration.time.parts,
        "seed": declaration.models.seed,
        "classes": declaration.label.classes,
    }


def _worth_learning(declaration: Declaration, rows: Rows) -> None:
    if len(rows) < FEWEST_ROWS:
        raise NothingToLearn(f"{len(rows)} labelled events are too few to learn from, {FEWEST_ROWS} are needed")
    if declaration.task != "regression" and len(set(rows.labels)) < 2:
        raise NothingToLearn(f"all {len(rows)} labels are {rows.labels[0]!r}: there is nothing to tell apart")


def _folds(rows: int, holdout: int) -> int:
    """As many folds as leave the last one `holdout` rows, if that is possible: each fold tests rows / (folds + 1)."""
    return min(MOST_FOLDS, max(1, rows // holdout - 1))


def _spread(rows: slice) -> list[int]:
    """Places of golden rows, from the first to the last."""
    return sorted({int(place) for place in np.linspace(rows.start, rows.stop - 1, GOLDEN_ROWS)})


def _profile(model: Model | Blend, frame: Frame) -> bytes:
    """How the features were distributed: what drift is measured against."""
    fields = {
        field.name: ReferenceBins.of(frame.columns[field.name], field.kind).to_dict() for field in model.encoder.fields
    }
    profile = {"format": PROFILE_FORMAT, "fields": fields}
    return json.dumps(profile, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
