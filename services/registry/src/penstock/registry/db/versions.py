"""Registered models."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from penstock.contracts.records.models import ModelVersion
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused
from penstock.registry.db.tables import VersionRow


def register(session: Session, model: ModelVersion, passed: bool, provenance: Provenance) -> None:
    """Add a model under its version; `passed`: whether the gates let it through."""
    row = VersionRow(
        stream=model.name,
        version=model.version,
        run=model.run,
        registered=provenance.time,
        model=model.model_dump(mode="json"),
        passed=passed,
    )
    session.add(row)
    session.flush()


def next_version(session: Session, stream: str) -> int:
    """The number of the stream's next version."""
    newest = session.scalar(select(func.max(VersionRow.version)).where(VersionRow.stream == stream))
    return 0 if newest is None else newest + 1


def version_of_request(session: Session, stream: str, request: str) -> int | None:
    """The version that came of a training request, None when none was registered."""
    rows = select(VersionRow.version).where(VersionRow.stream == stream, VersionRow.run == request)
    return session.scalars(rows).first()


def get(session: Session, stream: str, version: int) -> VersionRow | None:
    """The row of a version, None if there is none."""
    return session.get(VersionRow, (stream, version)) if 0 <= version < 2**31 else None


def find(session: Session, stream: str, version: int) -> VersionRow:
    """The row of a version.

    Raises:
        CommandRefused: there is none.
    """
    row = get(session, stream, version)
    if row is None:
        raise CommandRefused("unknown", "unknown_version", f"{stream} has no version {version}", "version")
    return row


def find_model(session: Session, stream: str, version: int) -> ModelVersion:
    """The model of a version.

    Raises:
        CommandRefused: there is none.
    """
    return model_of(find(session, stream, version))


def model_of(row: VersionRow) -> ModelVersion:
    """The model that a row holds."""
    return ModelVersion.model_validate(row.model)


def all_of(session: Session, stream: str) -> Sequence[VersionRow]:
    """The stream's versions, in order."""
    return session.scalars(select(VersionRow).where(VersionRow.stream == stream).order_by(VersionRow.version)).all()
