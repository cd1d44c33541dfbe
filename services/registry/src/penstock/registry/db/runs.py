"""Training requests and runs; a finished run becomes a version and, if the gates let it through, an epoch."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.models import ModelVersion
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import ALERTS
from penstock.registry.command_results import Occasion
from penstock.registry.control_records import refusal_alert, skew_alert
from penstock.registry.db import audit, epochs, outbox, rollouts, streams, versions
from penstock.registry.db.tables import AlertRow, RequestRow, RunRow, StreamRow
from penstock.registry.promotion import judge
from penstock.registry.rollout import Plan

Decision = dict[str, Any]

MOST_SKEWED = 0.01  # share of answers made from other features than the log gives, before people are told
BASELINE_VERSION = 0  # what replaces it needs no trial


def take_request(session: Session, request: TrainingRequest) -> None:
    """Note a training request."""
    if session.get(RequestRow, request.id) is None:
        row = RequestRow(id=request.id, stream=request.stream, fence=request.fence, record=_plain(request))
        session.add(row)


def take_alert(session: Session, alert: Alert, occasion: Occasion) -> None:
    """Keep an alert; one of a challenger that failed ends its rollout."""
    if session.scalars(select(AlertRow).where(AlertRow.id == alert.id)).first() is None:
        session.add(AlertRow(id=alert.id, record=_plain(alert)))
        rollouts.take_alert(session, alert, occasion)


def take_run(session: Session, run: TrainingRun, complaint: str | None, occasion: Occasion) -> None:
    """Note a run's record and decide on a finished one; a record that was taken before changes nothing.

    `complaint` says why the model of a finished run is not to be trusted, None when it is.
    """
    if session.scalars(select(RunRow).where(RunRow.id == run.id)).first() is None:
        decision = _decide(session, run, complaint, occasion) if run.status == "finished" else None
        session.add(RunRow(id=run.id, stream=run.stream, record=_plain(run), decision=decision))


def _decide(session: Session, run: TrainingRun, complaint: str | None, occasion: Occasion) -> Decision:
    stream = session.get(StreamRow, run.stream)
    if stream is None:
        return _refuse(session, run, "no stream of this name was applied", occasion)
    if (fence := _newest_fence(session, run.stream)) > run.fence:
        return _refuse(session, run, f"a newer training was asked for: fence {run.fence} is behind {fence}", occasion)
    if (known := versions.of_run(session, run.stream, run.request)) is not None:
        return {"outcome": "duplicate", "version": known.version}
    if complaint is not None:
        outbox.add(session, ALERTS, refusal_alert(run, complaint), run.stream, occasion)
        return _refuse(session, run, complaint, occasion)
    return _judge(session, stream, run, occasion)


def _newest_fence(session: Session, stream: str) -> int:
    newest = session.scalar(select(func.max(RequestRow.fence)).where(RequestRow.stream == stream))
    return -1 if newest is None else newest


def _refuse(session: Session, run: TrainingRun, why: str, occasion: Occasion) -> Decision:
    audit.note(session, "run.refused", run.stream, {"run": run.request, "reasons": [why]}, occasion)
    return {"outcome": "refused", "reasons": [why]}


def _judge(session: Session, stream: StreamRow, run: TrainingRun, occasion: Occasion) -> Decision:
    assert run.evaluation is not None  # a run without one is complained of
    declaration = streams.declaration_of(stream)
    verdict = judge(run.evaluation, declaration.gates)
    skew = run.evaluation.skew
    if skew is not None and skew.differing > MOST_SKEWED * skew.rows:
        outbox.add(session, ALERTS, skew_alert(run, skew), run.stream, occasion)
    model = _version(session, run)
    versions.register(session, model, verdict.passed, occasion)
    said = {"run": run.request, "version": model.version, "digest": model.digest, "family": model.family}
    judged = {"passed": verdict.passed, "reasons": list(verdict.reasons)}
    audit.note(session, "version.registered", run.stream, said | judged, occasion)
    decision = {"version": model.version, "reasons": list(verdict.reasons)}
    if not verdict.passed:
        return {"outcome": "kept_back", **decision}
    detail = f"{run.reason}: {verdict.reasons[0]}"
    if rollouts.under_way(session, run.stream) is not None:
        return {"outcome": "kept_back", **decision, "reasons": ["a rollout is under way"]}
    if declaration.rollout.mode != "at-once" and stream.champion != BASELINE_VERSION:
        plan = Plan.of(declaration.rollout, declaration.rollout.mode)
        rollouts.begin(session, stream, plan, [model.version], detail, occasion)
        return {"outcome": "on_trial", "epoch": stream.epoch, **decision}
    epoch = epochs.install(session, stream.epoch, model, "promotion", detail, occasion)
    return {"outcome": "promoted", "epoch": epoch.epoch, **decision}


def _version(session: Session, run: TrainingRun) -> ModelVersion:
    assert run.candidate is not None  # a run without one is complained of
    assert run.dataset is not None
    return ModelVersion(
        name=run.stream,
        version=versions.following(session, run.stream),
        family=run.candidate.family,
        digest=run.candidate.digest,
        profile=run.candidate.profile,
        envelope=run.candidate.envelope,
        run=run.request,
        schema_version=run.dataset.schema_version,
    )


def _plain(record: ControlRecord) -> dict[str, Any]:
    """The record as JSON that every database takes: a figure that is not finite becomes null."""
    plain: dict[str, Any] = json.loads(record.model_dump_json())
    return plain
