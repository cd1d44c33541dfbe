"""Results of commands by the caller's idempotency key: a repeated command is answered as before."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.registry.command_context import IdempotencyKey, Provenance
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.db.tables import IdempotencyRow


def find_result(session: Session, key: IdempotencyKey) -> CommandResult | None:
    """The result of the command before, None when it is new.

    Raises:
        CommandRefused: the key was used for another command.
    """
    row = session.get(IdempotencyRow, key.key)
    if row is None:
        return None
    if row.request_digest != key.request_digest:
        detail = "this Idempotency-Key was used for another request; take a new one"
        raise CommandRefused("conflict", "idempotency_key_reused", detail, "Idempotency-Key")
    return CommandResult.model_validate(row.answer)


def save_result(session: Session, key: IdempotencyKey, result: CommandResult, provenance: Provenance) -> None:
    """Keep the result for a repetition of the command."""
    answer = result.model_dump(mode="json")
    row = IdempotencyRow(key=key.key, request_digest=key.request_digest, answer=answer, time=provenance.time)
    session.add(row)
