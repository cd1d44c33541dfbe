"""What came of a command: what it changed, or why it was refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from penstock.contracts.records.models import RolloutMode

Status = Literal[
    "created",
    "changed",
    "unchanged",
    "promoted",
    "rolled_back",
    "accepted",
    "archived",
    "rollout_started",
    "declined",
    "released",
    "paused",
    "resumed",
    "deleted",
]
Kind = Literal["unknown", "conflict", "invalid"]


class CommandResult(BaseModel):
    """The stream after a command: the version of its declaration, its epoch and the version of its champion.

    `command` is the id of the record that was sent to another service, `put_back` the mode of the rollout that a
    rollback put back, if it did.
    """

    model_config = ConfigDict(frozen=True)

    stream: str
    status: Status
    schema_version: int | None = None
    epoch: int | None = None
    model: int | None = None
    command: str | None = None
    put_back: RolloutMode | None = None


class CommandRefused(Exception):
    """A command names something unknown, conflicts with the present state, or is invalid; nothing was changed."""

    def __init__(self, kind: Kind, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.code = code
        self.detail = detail
        self.field = field
