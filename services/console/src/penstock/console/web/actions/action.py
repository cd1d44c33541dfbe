"""A command that a person may give now: what will happen, and what is sent to the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


class ActionImpossible(Exception):
    """The command makes no sense as things are now; the message says why, `status` is the page's."""

    def __init__(self, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Choice:
    """What the address of an action chooses: a version, an epoch, a proposal, the mode and the shares of a rollout."""

    version: int | None = None
    epoch: int | None = None
    proposal: int | None = None
    mode: str = ""
    steps: str = ""


@dataclass(frozen=True)
class RolloutOptions:
    """What may be chosen otherwise for a rollout of `version`."""

    version: int
    mode: str
    steps: str


@dataclass(frozen=True)
class Action:
    """One command.

    `path` below `/v1/` and `body` are what the registry gets, with the reason under `reason_key`. `effects` say what
    will happen, `evidence` what is known of the models, a sentence each. `epoch` is that at which all of this is so.
    """

    title: str
    button: str
    epoch: int
    path: str
    body: Mapping[str, Any]
    effects: Sequence[str]
    evidence: Sequence[str] = ()
    version: int | None = None
    reason_key: Literal["detail", "reason"] = "detail"
    is_severe: bool = False
    options: RolloutOptions | None = None
