"""Commands on rollouts: start one, pause, resume, abort or promote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from penstock.contracts.records.models import RolloutMode
from penstock.registry.command_context import Provenance
from penstock.registry.command_results import CommandRefused, CommandResult
from penstock.registry.db import rollouts as rollout_rows
from penstock.registry.db import streams, versions
from penstock.registry.db.tables import RolloutRow
from penstock.registry.rollout_plan import RolloutPlan
from penstock.registry.signature_check import SignatureCheck
from penstock.registry.use_cases import holds, pauses, rollouts
from penstock.registry.use_cases.model_commands import require_servable

RolloutAction = Literal["pause", "resume", "abort", "promote"]

BY_COMMAND = "by command"  # the reason where the caller gave none


@dataclass(frozen=True)
class RolloutStart:
    """Versions to roll out, even such that the gates kept back; `mode` and `steps` default to the declared ones."""

    versions: tuple[int, ...]
    mode: RolloutMode | None = None
    steps: tuple[float, ...] = ()
    detail: str = ""


def start_rollout(
    session: Session, check: SignatureCheck, stream: str, command: RolloutStart, provenance: Provenance
) -> CommandResult:
    """Start a rollout by hand.

    Raises:
        CommandRefused: a version is unknown or must not serve, or another rollout is under way.
    """
    row = streams.find(session, stream)
    for version in command.versions:
        require_servable(check, versions.find(session, stream, version))
    declaration = streams.declaration_of(row)
    has_objective = declaration.objective is not None
    plan = RolloutPlan.of(declaration.rollout, command.mode, command.steps, has_objective=has_objective)
    rollouts.start(session, row, plan, command.versions, command.detail or BY_COMMAND, provenance)
    return streams.result_of(row, "rollout_started")


def control_rollout(
    session: Session, stream: str, action: RolloutAction, detail: str, provenance: Provenance
) -> CommandResult:
    """Pause, resume, abort or promote the rollout under way.

    Raises:
        CommandRefused: none is, it has several challengers and does not say which of them to promote, or it cannot go
            on while its stream is paused.
    """
    row, rollout = streams.find(session, stream), rollout_rows.under_way(session, stream)
    if rollout is None:
        raise CommandRefused("conflict", "no_rollout", f"no rollout of {stream} is under way")
    if action == "resume":
        pauses.refuse_while_paused(row, "its rollout takes no step")
    match action:
        case "pause" | "resume":
            changed = rollouts.set_paused(session, rollout, action == "pause", detail or BY_COMMAND, provenance)
            return streams.result_of(row, "changed" if changed else "unchanged")
        case "abort":
            rollouts.take_back(session, rollout, detail or BY_COMMAND, provenance)
            return streams.result_of(row, "rolled_back")
        case "promote":
            rollouts.promote(session, rollout, _single_challenger(rollout), detail or BY_COMMAND, provenance)
            holds.lift(session, row, "the challenger was promoted", provenance)
            return streams.result_of(row, "promoted")


def _single_challenger(rollout: RolloutRow) -> int:
    if len(rollout.versions) > 1:
        raise CommandRefused("invalid", "several_challengers", "it tries several versions: promote one of them instead")
    return rollout.versions[0]
