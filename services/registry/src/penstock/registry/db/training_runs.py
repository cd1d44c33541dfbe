"""Training requests, and the records of training runs with what was decided about them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.models import ModelVersion
from penstock.contracts.records.training import Evaluation, Score, Skew, TrainingRequest, TrainingRun
from penstock.registry.db.plain_json import plain_json
from penstock.registry.db.tables import RequestRow, RunRow


def add_request(session: Session, request: TrainingRequest) -> None:
    """Keep a training request unless it is there."""
    if session.get(RequestRow, request.id) is None:
        record = plain_json(request)
        session.add(RequestRow(id=request.id, stream=request.stream, fence=request.fence, record=record))


def newest_fence(session: Session, stream: str) -> int:
    """The fence of the stream's newest training request, -1 before the first."""
    newest = session.scalar(select(func.max(RequestRow.fence)).where(RequestRow.stream == stream))
    return -1 if newest is None else newest


def has_run(session: Session, record_id: str) -> bool:
    """Whether this record of a run is there."""
    return session.scalars(select(RunRow).where(RunRow.id == record_id)).first() is not None


def add_run(session: Session, run: TrainingRun) -> RunRow:
    """Keep the record of a run. What is decided about it is set on the row."""
    row = RunRow(id=run.id, stream=run.stream, record=plain_json(run))
    session.add(row)
    session.flush()
    return row


def holdout_losses(session: Session, model: ModelVersion) -> LossMoments | None:
    """A model's losses on the holdout of the run that made it; None for the baseline, and for runs of before."""
    evaluation = _evaluation_of(session, model)
    return evaluation.losses if evaluation else None


def holdout_gain(session: Session, model: ModelVersion, champion: int) -> Score | None:
    """How much less than the champion a model lost by an answer on the rows that they were compared on.

    None if it was compared with another version, or with none.
    """
    evaluation = _evaluation_of(session, model)
    if evaluation is None or evaluation.champion_version != champion:
        return None
    scores = evaluation.objective
    return evaluation.gain if scores is None else scores.loss_gain or scores.gain


def _evaluation_of(session: Session, model: ModelVersion) -> Evaluation | None:
    record = RunRow.record
    runs = select(record).where(
        RunRow.stream == model.name,
        record["request"].as_string() == model.run,
        record["status"].as_string() == "finished",
    )
    first = session.scalars(runs.order_by(RunRow.position)).first()
    run = None if first is None else TrainingRun.model_validate(first)
    return run.evaluation if run else None


def newest_outcomes(session: Session, stream: str, limit: int) -> list[str]:
    """What came of the stream's newest runs that ended, the newest first: `failed`, or the decision's outcome."""
    session.flush()
    status = RunRow.record["status"].as_string()
    rows = select(RunRow).where(RunRow.stream == stream, status.in_(["finished", "failed"]))
    newest = session.scalars(rows.order_by(RunRow.position.desc()).limit(limit))
    outcomes = [row.decision["outcome"] if row.decision else str(row.record["status"]) for row in newest]
    return [outcome for outcome in outcomes if outcome != "duplicate"]


def newest_skew(session: Session, stream: str) -> Skew | None:
    """The skew that was measured last by a run of the stream whose candidate was judged; None if none was."""
    skew, outcome = RunRow.record["evaluation"]["skew"], RunRow.decision["outcome"].as_string()
    measured = select(skew).where(
        RunRow.stream == stream, outcome.not_in(["refused", "duplicate"]), skew["rows"].as_integer().is_not(None)
    )
    newest = session.scalars(measured.order_by(RunRow.position.desc())).first()
    return None if newest is None else Skew.model_validate(newest)


def scoring_seconds(session: Session, stream: str) -> dict[str, float]:
    """The seconds that the stream's models took for 1,000 answers, by the training requests that they came of."""
    record = RunRow.record
    seconds = record["scoring_seconds"].as_float()
    finished = select(record["request"].as_string(), seconds).where(
        RunRow.stream == stream, record["status"].as_string() == "finished", seconds.is_not(None)
    )
    return {str(request): float(measured) for request, measured in session.execute(finished)}


def runs_of(session: Session, stream: str) -> Sequence[RunRow]:
    """The records of the stream's runs, in order."""
    return session.scalars(select(RunRow).where(RunRow.stream == stream).order_by(RunRow.position)).all()
