"""Epochs: what serves, changed by compare-and-set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from penstock.contracts.records.models import ModelEpoch, ModelVersion, RolloutStep
from penstock.contracts.topics import MODELS
from penstock.registry.command_results import CommandRefused, Occasion
from penstock.registry.control_records import model_epoch
from penstock.registry.db import audit, outbox
from penstock.registry.db.tables import EpochRow, StreamRow


def install(
    session: Session,
    expected: int,
    champion: ModelVersion,
    reason: str,
    detail: str,
    occasion: Occasion,
    trial: RolloutStep | None = None,
) -> ModelEpoch:
    """Let `champion` serve from the epoch after `expected` on, but for the shares of a `trial`.

    Raises:
        CommandRefused: the stream is no longer at that epoch.
    """
    record = model_epoch(champion.name, expected + 1, champion, reason, detail, occasion, trial)
    _compare_and_set(session, expected, champion)
    session.add(EpochRow(stream=record.stream, epoch=record.epoch, record=record.model_dump(mode="json")))
    outbox.add(session, MODELS, record, record.stream, occasion)
    said: dict[str, Any] = {
        "epoch": record.epoch,
        "version": champion.version,
        "digest": champion.digest,
        "reason": reason,
    }
    if trial is not None:
        said |= {"mode": trial.mode, "shares": {str(one.model.version): one.share for one in trial.challengers}}
    audit.note(session, "epoch.installed", record.stream, {**said, "detail": detail}, occasion)
    return record


def _compare_and_set(session: Session, expected: int, champion: ModelVersion) -> None:
    at_expected = update(StreamRow).where(StreamRow.name == champion.name, StreamRow.epoch == expected)
    values = {"epoch": expected + 1, "champion": champion.version}
    if not session.execute(at_expected.values(values).returning(StreamRow.epoch)).all():
        detail = f"{champion.name} is no longer at epoch {expected}; look at it again, then repeat the command"
        raise CommandRefused("conflict", "stale_epoch", detail, "expected_epoch")


def history(session: Session, stream: str) -> Sequence[ModelEpoch]:
    """The stream's epochs, in order."""
    rows = session.scalars(select(EpochRow).where(EpochRow.stream == stream).order_by(EpochRow.epoch))
    return [ModelEpoch.model_validate(row.record) for row in rows]
