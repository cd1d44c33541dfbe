"""What the registry shows over HTTP, read from the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.streams import Deletion, Pause
from penstock.registry.audit_chain import ChainHead, verify_chain
from penstock.registry.db import alerts, audit, epochs, streams, training_runs, versions
from penstock.registry.db.tables import StreamRow, VersionRow
from penstock.registry.proposal import Hold


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class StreamView(_View):
    """A stream: the version of its declaration, its epoch and the version of its champion.

    `hold` is there since a person's rollback that they have not lifted, `pause` while a person has paused the stream:
    nothing changes by itself. `deletion` is there once a person has deleted it.
    """

    name: str
    version: int
    epoch: int
    champion: int
    hold: Hold | None
    pause: Pause | None
    deletion: Deletion | None
    declaration: Declaration


class VersionView(_View):
    """A registered model, and whether the gates let it through.

    `scoring_seconds` is what it took for 1,000 answers when it was judged; null of the baseline.
    """

    model: ModelVersion
    registered: datetime
    passed: bool
    archived: bool
    serving: bool
    scoring_seconds: float | None = None


class RunView(_View):
    """A training run's record, and the decision on its candidate."""

    run: dict[str, Any]
    decision: dict[str, Any] | None


class AuditPage(_View):
    """Entries in order; `next` is the `after` of the next page, None at the end."""

    entries: list[AuditEntry]
    next: int | None


class Verification(_View):
    """Whether the audit chain holds, up to which entry, and what is wrong with it."""

    sound: bool
    number: int
    hash: str | None
    fault: str | None


def all_streams(session: Session) -> list[StreamView]:
    """Every stream that was not deleted, in the order in which they were first applied."""
    return [_stream_view(row) for row in streams.all_of(session)]


def find_stream(session: Session, name: str) -> StreamView:
    """A stream, deleted or not; raises `CommandRefused` when it is unknown."""
    return _stream_view(streams.find_known(session, name))


def _stream_view(row: StreamRow) -> StreamView:
    return StreamView(
        name=row.name,
        version=row.version,
        epoch=row.epoch,
        champion=row.champion,
        hold=streams.hold_of(row),
        pause=streams.pause_of(row),
        deletion=streams.deletion_of(row),
        declaration=streams.declaration_of(row),
    )


def models_of(session: Session, stream: str) -> list[VersionView]:
    """The stream's models, in order of their versions."""
    champion, seconds = streams.find_known(session, stream).champion, training_runs.scoring_seconds(session, stream)
    return [_version_view(row, champion, seconds) for row in versions.all_of(session, stream)]


def find_model(session: Session, stream: str, version: int) -> VersionView:
    """A model; raises `CommandRefused` when it is unknown."""
    row, champion = versions.find(session, stream, version), streams.find_known(session, stream).champion
    return _version_view(row, champion, training_runs.scoring_seconds(session, stream))


def _version_view(row: VersionRow, champion: int, seconds: Mapping[str, float]) -> VersionView:
    return VersionView(
        model=versions.model_of(row),
        registered=row.registered,
        passed=row.passed,
        archived=row.archived,
        serving=row.version == champion,
        scoring_seconds=seconds.get(row.run or ""),
    )


def epochs_of(session: Session, stream: str) -> list[ModelEpoch]:
    """The stream's epochs, in order."""
    streams.find_known(session, stream)
    return list(epochs.all_of(session, stream))


def runs_of(session: Session, stream: str) -> list[RunView]:
    """The records of the stream's training runs, in order."""
    streams.find_known(session, stream)
    return [RunView(run=row.record, decision=row.decision) for row in training_runs.runs_of(session, stream)]


def newest_alerts(session: Session, limit: int) -> list[Alert]:
    """The newest alerts, newest first."""
    return list(alerts.newest(session, limit))


def audit_page(session: Session, after: int, limit: int) -> AuditPage:
    """At most `limit` audit entries beyond number `after`."""
    entries = list(audit.entries(session, after, limit + 1))
    return AuditPage(entries=entries[:limit], next=entries[limit - 1].number if len(entries) > limit else None)


def verification(session: Session, published_head: ChainHead | None) -> Verification:
    """Whether the audit chain holds; `published_head` is one that was read from the topic `audit`."""
    fault = verify_chain(audit.entries(session), published_head)
    head = audit.newest_head(session)
    return Verification(
        sound=fault is None,
        number=head.number if head else 0,
        hash=head.hash if head else None,
        fault=fault,
    )
