"""Epochs: what serves, changed by compare-and-set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.topics import MODELS
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused
from penstock.registry.control_records import Installation, model_epoch
from penstock.registry.db import audit, outbox, training_runs
from penstock.registry.db.tables import EpochRow, StreamRow


def install(session: Session, expected_epoch: int, installation: Installation, provenance: Provenance) -> ModelEpoch:
    """Make the installation the epoch after `expected_epoch`.

    Raises:
        CommandRefused: the stream is no longer at that epoch.
    """
    holdout = training_runs.holdout_losses(session, installation.champion)
    record = model_epoch(expected_epoch + 1, installation, provenance, holdout)
    _compare_and_set(session, expected_epoch, record.champion)
    session.add(EpochRow(stream=record.stream, epoch=record.epoch, record=record.model_dump(mode="json")))
    outbox.add(session, MODELS, record, record.stream, provenance)
    audit.append(session, "epoch.installed", record.stream, _audit_detail(record), provenance)
    return record


def _audit_detail(record: ModelEpoch) -> dict[str, Any]:
    rollout: dict[str, Any] = {}
    if record.rollout is not None:
        shares = {str(challenger.model.version): challenger.share for challenger in record.rollout.challengers}
        rollout = {"mode": record.rollout.mode, "shares": shares}
    return {
        "epoch": record.epoch,
        "version": record.champion.version,
        "digest": record.champion.digest,
        "reason": record.reason,
        **rollout,
        "detail": record.detail,
    }


def _compare_and_set(session: Session, expected_epoch: int, champion: ModelVersion) -> None:
    at_expected = update(StreamRow).where(StreamRow.name == champion.name, StreamRow.epoch == expected_epoch)
    values = {"epoch": expected_epoch + 1, "champion": champion.version}
    if not session.execute(at_expected.values(values).returning(StreamRow.epoch)).all():
        detail = f"{champion.name} is no longer at epoch {expected_epoch}; look at it again, then repeat the command"
        raise CommandRefused("conflict", "stale_epoch", detail, "expected_epoch")


def newest(session: Session, stream: StreamRow) -> ModelEpoch | None:
    """The epoch in force, None before the first."""
    return get(session, stream.name, stream.epoch)


def get(session: Session, stream: str, number: int) -> ModelEpoch | None:
    """An epoch of a stream, None if there was none."""
    row = session.get(EpochRow, (stream, number))
    return None if row is None else ModelEpoch.model_validate(row.record)


def all_of(session: Session, stream: str) -> Sequence[ModelEpoch]:
    """The stream's epochs, in order."""
    rows = session.scalars(select(EpochRow).where(EpochRow.stream == stream).order_by(EpochRow.epoch))
    return [ModelEpoch.model_validate(row.record) for row in rows]
