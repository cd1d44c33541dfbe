"""Who issues a command or writes a record, and what a change of the registry is traced back to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

OPERATOR = "operator"


@dataclass(frozen=True)
class IdempotencyKey:
    """The caller's key of a command that must take effect once, and a digest of the request that it belongs to."""

    key: str
    request_digest: str


@dataclass(frozen=True)
class CommandContext:
    """What comes with every command: who issues it, the key under which it is done once, and its trace."""

    actor: str = OPERATOR
    idempotency_key: IdempotencyKey | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class Provenance:
    """Of a change: who made it, when, because of which record (its id), and in which trace."""

    actor: str
    time: datetime
    cause: str | None = None
    traceparent: str | None = None

    def caused_by(self, record_id: str) -> Provenance:
        """The same, for a change that follows from a record written just now."""
        return replace(self, cause=record_id)
