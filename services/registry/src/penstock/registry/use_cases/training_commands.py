"""Commands that are passed on to the retrain-trigger: train a stream, and history was imported."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from penstock.contracts.records.governance import Command
from penstock.contracts.topics import COMMANDS
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandResult
from penstock.registry.control_records import history_imported_command, retrain_command
from penstock.registry.db import audit, outbox, streams
from penstock.registry.use_cases import pauses


def request_training(session: Session, stream: str, detail: str, provenance: Provenance) -> CommandResult:
    """Ask the retrain-trigger for a training.

    Raises:
        CommandRefused: there is no such stream, or it is paused.
    """
    pauses.refuse_while_paused(streams.find(session, stream), "no model is trained")
    command = retrain_command(stream, audit.count(session), detail, provenance)
    return _send(session, command, "retrain.requested", {"command": command.id, "detail": detail}, provenance)


def announce_import(session: Session, stream: str, outcomes: int, detail: str, provenance: Provenance) -> CommandResult:
    """Tell the retrain-trigger that history was imported: with it the stream has `outcomes` outcomes."""
    streams.find(session, stream)
    command = history_imported_command(stream, outcomes, detail, provenance)
    audit_detail = {"command": command.id, "outcomes": outcomes, "detail": detail}
    return _send(session, command, "history.imported", audit_detail, provenance)


def _send(
    session: Session, command: Command, action: str, audit_detail: dict[str, Any], provenance: Provenance
) -> CommandResult:
    outbox.add(session, COMMANDS, command, command.stream, provenance)
    audit.append(session, action, command.stream, audit_detail, provenance)
    return CommandResult(stream=command.stream, status="accepted", command=command.id)
