"""What a person decides about a proposal: approve it, or decline it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock.console.web.actions import sentences
from penstock.console.web.actions.action import Action, ActionImpossible, Choice
from penstock.console.web.actions.situation import Situation


def approve(situation: Situation, choice: Choice) -> Action:
    """Carry a proposal out."""
    proposal = _waiting(situation, choice)
    number, version = proposal["proposal"], proposal["version"]
    return Action(
        title=f"Approve proposal {number}: {effect_text(proposal)}",
        button=f"Approve proposal {number}",
        epoch=situation.epoch,
        path=f"proposals/{number}/approve",
        body={},
        effects=list(_carried_out(situation, proposal)),
        evidence=[*evidence_of(proposal), *sentences.evidence_of_version(situation, version)],
        version=version,
        reason_key="reason",
    )


def decline(situation: Situation, choice: Choice) -> Action:
    """Leave a proposal undone."""
    proposal = _waiting(situation, choice)
    number, version = proposal["proposal"], proposal["version"]
    rollout = situation.rollout
    ends = []
    if rollout is not None and rollout["id"] == proposal["evidence"]["source"]:
        title = sentences.capital(sentences.rollout_title(situation))
        ends = [f"{title} made it, and ends: version {version} is taken back, and an alert says so."]
    return Action(
        title=f"Decline proposal {number}",
        button=f"Decline proposal {number}",
        epoch=situation.epoch,
        path=f"proposals/{number}/decline",
        body={},
        effects=[
            f"The registry will not {effect_text(proposal)}.",
            *ends,
            f"Version {situation.champion} stays the champion.",
            f"Version {version} stays in the registry, and may still be promoted by hand.",
        ],
        evidence=evidence_of(proposal),
        version=version,
        reason_key="reason",
    )


def effect_text(proposal: Mapping[str, Any]) -> str:
    """What approving a proposal does.

    >>> effect_text({"action": "canary", "version": 3, "champion": 1})
    'start a rollout (canary) of version 3 beside version 1'
    """
    version, champion = proposal["version"], proposal["champion"]
    match proposal["action"]:
        case "promote":
            return f"promote version {version} in place of version {champion}"
        case "return":
            return f"return from version {champion} to version {version}"
        case mode:
            return f"start a rollout ({mode}) of version {version} beside version {champion}"


def evidence_of(proposal: Mapping[str, Any]) -> list[str]:
    """What a proposal rests on, a sentence each, and why it waits."""
    evidence = proposal["evidence"]
    lines = [*evidence["reasons"], f"It waits: {proposal['waits']}."]
    if evidence.get("scores") and evidence.get("metric"):
        lines.insert(0, sentences.scores_text(evidence["metric"], evidence["scores"]))
    return lines


def _carried_out(situation: Situation, proposal: Mapping[str, Any]) -> Iterator[str]:
    version = proposal["version"]
    if proposal["action"] in ("promote", "return"):
        yield from sentences.answers_alone(situation, version)
        if proposal["action"] == "promote":
            yield from sentences.lifts_hold(situation)
        elif situation.hold is not None:
            yield "The stream stays held."
        return
    yield f"A rollout ({proposal['action']}) of version {version} starts beside version {situation.champion}."
    steps = situation.declaration.rollout.steps
    if proposal["action"] == "canary":
        shares = ", then ".join(sentences.share_of(situation, share) for share in steps)
        yield f"Version {version} answers {shares}."
    yield f"From epoch {situation.epoch + 1} on its first step is in force."


def _waiting(situation: Situation, choice: Choice) -> Mapping[str, Any]:
    if choice.proposal is None:
        raise ActionImpossible("The address names no proposal.", 422)
    proposal = situation.proposals.get(choice.proposal)
    if proposal is None:
        raise ActionImpossible(f"Stream {situation.stream} has no proposal {choice.proposal} among its newest.", 404)
    if proposal["state"] != "waiting":
        by = f" by {proposal['decided_by']}" if proposal["decided_by"] else ""
        why = f": {proposal['reason']}" if proposal["reason"] else ""
        raise ActionImpossible(f"Proposal {choice.proposal} is {proposal['state']}{by}{why}.")
    return proposal
