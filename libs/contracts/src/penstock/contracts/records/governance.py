"""Governance: commands that people give, and the entries of the audit log."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.pushes import Push


class Command(ControlRecord):
    """A person asks for a training (`retrain`), or has imported history (`imported`).

    With a `push` nothing is trained, but the model that it names is judged. `by` is who asked. For `imported`,
    `outcomes` is how many outcomes the stream has with the imported ones included: a training on all of them ends at
    that offset.
    """

    type: ClassVar[str] = "penstock.command.v1"

    kind: Literal["retrain", "imported"]
    stream: str
    by: str
    detail: str = ""
    outcomes: int = 0
    push: Annotated[Push | None, Field(exclude_if=lambda push: push is None)] = None


class AuditEntry(ControlRecord):
    """One entry of the audit log: who (`actor`) did what (`action`) to what (`subject`).

    The entries form a chain: `hash` covers the entry and `previous`, the hash of the entry before, so that no entry
    can be changed or removed unnoticed.
    """

    type: ClassVar[str] = "penstock.audit-entry.v1"

    number: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    previous: str
    hash: str
