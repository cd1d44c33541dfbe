"""Training requests, and the records of training runs with what was decided about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.records.training import TrainingRequest, TrainingRun
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


def add_run(session: Session, run: TrainingRun, decision: dict[str, Any] | None) -> None:
    """Keep the record of a run, and what was decided about it."""
    session.add(RunRow(id=run.id, stream=run.stream, record=plain_json(run), decision=decision))


def runs_of(session: Session, stream: str) -> Sequence[RunRow]:
    """The records of the stream's runs, in order."""
    return session.scalars(select(RunRow).where(RunRow.stream == stream).order_by(RunRow.position)).all()
