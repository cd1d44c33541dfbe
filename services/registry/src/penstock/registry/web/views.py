"""What people read of the registry."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Alert
from penstock.ml.metrics import primary_metric
from penstock.registry.audit_chain import Head, verify_chain
from penstock.registry.db import audit, epochs, rollouts, streams, versions
from penstock.registry.db.tables import AlertRow, RolloutRow, RunRow, StreamRow, VersionRow
from penstock.registry.rollout import Evidence, Losses, difference


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class StreamView(_View):
    """A stream: its declaration's version, its epoch and the model that answers."""

    name: str
    version: int
    epoch: int
    champion: int
    declaration: Declaration


class VersionView(_View):
    """A registered model, and whether its gates let it through."""

    model: ModelVersion
    registered: datetime
    passed: bool
    archived: bool
    serving: bool


class RunView(_View):
    """A training run's record, and what was decided about it."""

    run: dict[str, Any]
    decision: dict[str, Any] | None


class ArmView(_View):
    """A model in a rollout: its share, and its outcomes so far in this step with their mean loss.

    A shadow's `mean` is its loss less the champion's on the same events.
    """

    version: int
    share: float
    outcomes: int
    mean: float


class RolloutView(_View):
    """The newest rollout of a stream. `low` to `high` is by how much the challenger's loss exceeds the champion's,
    an interval that may be looked at at any time; None before there is one, and of a bandit.
    """

    id: str
    mode: str
    state: Literal["running", "paused", "ended"]
    step: int
    steps: int
    detail: str
    outcomes: int
    arms: list[ArmView]
    low: float | None
    high: float | None


class AuditPage(_View):
    """Entries in order; `next` is the number to ask from for more, None at the end."""

    entries: list[AuditEntry]
    next: int | None


class Verification(_View):
    """Whether the audit chain holds, up to which entry, and what is wrong with it."""

    sound: bool
    number: int
    hash: str | None
    fault: str | None


def all_streams(session: Session) -> list[StreamView]:
    """Every stream, in the order in which they were first applied."""
    return [_stream(row) for row in streams.all_of(session)]


def one_stream(session: Session, name: str) -> StreamView:
    """A stream; raises `CommandRefused` when it is unknown."""
    return _stream(streams.found(session, name))


def _stream(row: StreamRow) -> StreamView:
    declaration = streams.declaration_of(row)
    return StreamView(
        name=row.name, version=row.version, epoch=row.epoch, champion=row.champion, declaration=declaration
    )


def models(session: Session, stream: str) -> list[VersionView]:
    """The stream's models, in order of their versions."""
    champion = streams.found(session, stream).champion
    return [_version(row, champion) for row in versions.all_of(session, stream)]


def one_model(session: Session, stream: str, version: int) -> VersionView:
    """A model; raises `CommandRefused` when it is unknown."""
    return _version(versions.found(session, stream, version), streams.found(session, stream).champion)


def _version(row: VersionRow, champion: int) -> VersionView:
    return VersionView(
        model=versions.model_of(row),
        registered=row.registered,
        passed=row.passed,
        archived=row.archived,
        serving=row.version == champion,
    )


def epochs_of(session: Session, stream: str) -> list[ModelEpoch]:
    """The stream's epochs, in order."""
    streams.found(session, stream)
    return list(epochs.history(session, stream))


def runs_of(session: Session, stream: str) -> list[RunView]:
    """The records of the stream's training runs, in order."""
    streams.found(session, stream)
    rows = session.scalars(select(RunRow).where(RunRow.stream == stream).order_by(RunRow.position))
    return [RunView(run=row.record, decision=row.decision) for row in rows]


def rollout_of(session: Session, stream: str) -> RolloutView | None:
    """The stream's newest rollout, None before the first."""
    declaration = streams.declaration_of(streams.found(session, stream))
    row = rollouts.newest(session, stream)
    return None if row is None else _rollout(row, primary_metric(declaration.task))


def _rollout(row: RolloutRow, metric: str) -> RolloutView:
    plan, evidence = rollouts.plan_of(row), Evidence.model_validate(row.evidence)
    apart = difference(plan, row.versions[0], evidence, metric) if len(row.versions) == 1 else None
    known = apart is not None and isfinite(apart.low) and isfinite(apart.high)
    champion = _arm(row.champion, 1 - sum(row.shares), evidence.champion)
    met = evidence.challengers
    tried = [
        _arm(version, share, met.get(version, Losses()))
        for version, share in zip(row.versions, row.shares, strict=True)
    ]
    return RolloutView(
        id=row.id,
        mode=plan.mode,
        state="ended" if not row.open else "paused" if row.paused else "running",
        step=row.step,
        steps=len(plan.steps) if plan.mode == "canary" else 1,
        detail=row.detail,
        outcomes=evidence.outcomes,
        arms=[champion, *tried],
        low=apart.low if apart is not None and known else None,
        high=apart.high if apart is not None and known else None,
    )


def _arm(version: int, share: float, met: Losses) -> ArmView:
    return ArmView(version=version, share=share, outcomes=met.answers, mean=met.mean)


def newest_alerts(session: Session, most: int) -> list[Alert]:
    """The newest alerts, newest first."""
    rows = session.scalars(select(AlertRow).order_by(AlertRow.position.desc()).limit(most))
    return [Alert.model_validate(row.record) for row in rows]


def audit_page(session: Session, after: int, most: int) -> AuditPage:
    """Audit entries beyond number `after`."""
    found = list(audit.entries(session, after, most + 1))
    return AuditPage(entries=found[:most], next=found[most - 1].number if len(found) > most else None)


def verification(session: Session, published: Head | None) -> Verification:
    """Whether the audit chain holds; `published` is a head that was read elsewhere, from the topic `audit`."""
    fault = verify_chain(audit.entries(session), published)
    newest = audit.head(session)
    return Verification(
        sound=fault is None,
        number=newest.number if newest else 0,
        hash=newest.hash if newest else None,
        fault=fault,
    )
