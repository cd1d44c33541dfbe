"""Commands that are passed on to the retrain-trigger: train a stream, judge a model, and history was imported."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from penstock.contracts.records.governance import Command
from penstock.contracts.records.pushes import Push
from penstock.contracts.topics import COMMANDS
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.control_records import history_imported_command, push_command, retrain_command
from penstock.registry.db import audit, outbox, streams
from penstock.registry.signature_check import SignatureCheck
from penstock.registry.use_cases import pauses


def request_training(session: Session, stream: str, detail: str, provenance: Provenance) -> CommandResult:
    """Ask the retrain-trigger for a training.

    Raises:
        CommandRefused: there is no such stream, or it is paused.
    """
    pauses.refuse_while_paused(streams.find(session, stream), "no model is trained")
    command = retrain_command(stream, audit.count(session), detail, provenance)
    return _send(session, command, "retrain.requested", {"command": command.id, "detail": detail}, provenance)


def push_model(
    session: Session, check: SignatureCheck, stream: str, push: Push, provenance: Provenance
) -> CommandResult:
    """Ask the retrain-trigger to have a model judged that a person made, and put into the store.

    Raises:
        CommandRefused: the store does not hold it, no model is trained for the stream, or it is paused.
        StoreUnavailable: the store cannot say now whether it holds it.
    """
    row = streams.find(session, stream)
    if not streams.declaration_of(row).serving.trains:
        raise CommandRefused("conflict", "external_model", f"the model of {stream} lives elsewhere: none serves here")
    pauses.refuse_while_paused(row, "no model is judged")
    if (refusal := check.refusal_of_artifact(push.digest)) is not None:
        raise CommandRefused("unknown", "unknown_artifact", refusal, "digest")
    command = push_command(stream, audit.count(session), push, provenance)
    detail = {"command": command.id, "digest": push.digest, "family": push.family, "metadata": push.metadata}
    return _send(session, command, "model.pushed", detail, provenance)


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
