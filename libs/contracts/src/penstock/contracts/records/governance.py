"""Governance: commands people gave, and the audit log's entries."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from penstock.contracts.records.control import ControlRecord


class Command(ControlRecord):
    """A person asked for something that another service does: a training, or to take note of imported history.

    `outcomes` says how many outcomes the stream has had with all that was `imported`: where a dataset would end.
    """

    type: ClassVar[str] = "penstock.command.v1"

    kind: Literal["retrain", "imported"]
    stream: str
    by: str
    detail: str = ""
    outcomes: int = 0


class AuditEntry(ControlRecord):
    """One link of the audit chain: `hash` covers the entry and `previous`, so no entry can be changed or lost."""

    type: ClassVar[str] = "penstock.audit-entry.v1"

    number: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    previous: str
    hash: str
