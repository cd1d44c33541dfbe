"""What people ask of a rollout, as done within a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from penstock.contracts.records.models import RolloutMode
from penstock.registry.command_results import Change, CommandRefused, Occasion
from penstock.registry.db import rollouts, streams, versions
from penstock.registry.db.tables import RolloutRow
from penstock.registry.rollout import Plan
from penstock.registry.signature_check import Trust
from penstock.registry.use_cases import commands

Order = Literal["pause", "resume", "abort", "promote"]

DEFAULT_MODE: RolloutMode = "canary"


@dataclass(frozen=True)
class Start:
    """Put versions on trial, whatever the gates said of them; `mode` and `steps` as the stream declares unless given."""

    versions: tuple[int, ...]
    mode: RolloutMode | None = None
    steps: tuple[float, ...] = ()
    detail: str = ""


def start(session: Session, trust: Trust, stream: str, asked: Start, occasion: Occasion) -> Change:
    """Begin a rollout by hand.

    Raises:
        CommandRefused: a version is unknown or must not serve, or another rollout is under way.
    """
    row = streams.found(session, stream)
    for version in asked.versions:
        commands.may_serve(trust, versions.found(session, stream, version))
    declared = streams.declaration_of(row).rollout
    plan = Plan.of(declared, asked.mode or (DEFAULT_MODE if declared.mode == "at-once" else declared.mode), asked.steps)
    rollouts.begin(session, row, plan, asked.versions, asked.detail or "by command", occasion)
    return commands.change_of(row, "rollout_started")


def order(session: Session, stream: str, what: Order, detail: str, occasion: Occasion) -> Change:
    """Pause, resume, abort or bring to its end the rollout under way.

    Raises:
        CommandRefused: none is, or it tries several versions and cannot be promoted without saying which.
    """
    row, rollout = streams.found(session, stream), rollouts.under_way(session, stream)
    if rollout is None:
        raise CommandRefused("conflict", "no_rollout", f"no rollout of {stream} is under way")
    match what:
        case "pause" | "resume":
            changed = rollouts.pause(session, rollout, what == "pause", occasion)
            return commands.change_of(row, "changed" if changed else "unchanged")
        case "abort":
            rollouts.take_back(session, rollout, detail or "by command", occasion)
            return commands.change_of(row, "rolled_back")
        case "promote":
            rollouts.promote(session, rollout, _only(rollout), detail or "by command", occasion)
            return commands.change_of(row, "promoted")


def _only(rollout: RolloutRow) -> int:
    if len(rollout.versions) > 1:
        raise CommandRefused("invalid", "several_challengers", "it tries several versions: promote one of them instead")
    return rollout.versions[0]
