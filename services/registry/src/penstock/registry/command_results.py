"""What came of a command: what it changed, or why it was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal[
    "created", "changed", "unchanged", "promoted", "rolled_back", "accepted", "archived", "rollout_started"
]
Kind = Literal["unknown", "conflict", "invalid"]


@dataclass(frozen=True)
class Occasion:
    """Who changes something, at which time, because of which record, in which trace."""

    actor: str
    time: datetime
    cause: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class Once:
    """A command that must take effect once: the caller's key and a digest of what was asked."""

    key: str
    asked: str


class Change(BaseModel):
    """What a command did to a stream: the declaration's version, the epoch and the model that answers now.

    `command` is the id of the record that was sent to another service.
    """

    model_config = ConfigDict(frozen=True)

    stream: str
    status: Status
    schema_version: int | None = None
    epoch: int | None = None
    model: int | None = None
    command: str | None = None


class CommandRefused(Exception):
    """A command asks for what is unknown, conflicts with what is, or is wrong in itself; nothing was changed."""

    def __init__(self, kind: Kind, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.code = code
        self.detail = detail
        self.field = field
