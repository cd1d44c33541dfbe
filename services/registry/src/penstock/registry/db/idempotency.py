"""Commands under a key of the caller's: repeated, they are answered as before."""

from __future__ import annotations

from sqlalchemy.orm import Session

from penstock.registry.command_results import Change, CommandRefused, Occasion, Once
from penstock.registry.db.tables import IdempotencyRow


def recall(session: Session, once: Once) -> Change | None:
    """What the command was answered before, None when it is new.

    Raises:
        CommandRefused: the key was used for another command.
    """
    row = session.get(IdempotencyRow, once.key)
    if row is None:
        return None
    if row.asked != once.asked:
        detail = "this Idempotency-Key was used for another request; take a new one"
        raise CommandRefused("conflict", "idempotency_key_reused", detail, "Idempotency-Key")
    return Change.model_validate(row.answer)


def remember(session: Session, once: Once, change: Change, occasion: Occasion) -> None:
    """Keep the answer for the next time."""
    answer = change.model_dump(mode="json")
    session.add(IdempotencyRow(key=once.key, asked=once.asked, answer=answer, time=occasion.time))
