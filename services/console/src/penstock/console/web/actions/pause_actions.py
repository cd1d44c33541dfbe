"""Commands on a whole stream: pause it, with or without its intake, and let it go on."""

from __future__ import annotations

from penstock.console.web.actions import sentences
from penstock.console.web.actions.action import Action, ActionImpossible, Choice
from penstock.console.web.actions.situation import Situation

INTAKE = (
    "Events, labels and predictions over HTTP are refused with 503 from then on; clients may send them again later.",
    "What producers write to Kafka waits unread in its topic, for as long as the stream keeps its records.",
)


def pause(situation: Situation, _: Choice) -> Action:
    """Train and promote nothing until a person resumes the stream."""
    if situation.pause is not None and not situation.pause["intake"]:
        raise ActionImpossible(f"{situation.stream} is paused already, by {situation.pause['by']}.")
    reopens = ["Its intake is opened again: events and labels are taken in."] if situation.pause is not None else []
    return _pause(situation, "Pause the stream", False, [*reopens, *_pauses(situation)])


def pause_intake(situation: Situation, _: Choice) -> Action:
    """The same, and take no events and labels in either."""
    if situation.pause is not None and situation.pause["intake"]:
        raise ActionImpossible(f"{situation.stream} takes nothing in already, by {situation.pause['by']}.")
    effects = [*INTAKE, *([] if situation.pause is not None else _pauses(situation))]
    return _pause(situation, "Pause the stream and its intake", True, effects)


def resume(situation: Situation, _: Choice) -> Action:
    """Let a paused stream go on."""
    if situation.pause is None:
        raise ActionImpossible(f"Stream {situation.stream} is not paused.")
    opens = ["Events and labels are taken in again; what waits in Kafka is read."] if situation.pause["intake"] else []
    waiting = sum(proposal["state"] == "waiting" for proposal in situation.proposals.values())
    return Action(
        title="Resume the stream",
        button="Resume",
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/resume",
        body={},
        effects=[
            *opens,
            "What fell due meanwhile is decided anew: at most one training is asked for.",
            "A rollout under way goes on, unless it was paused by itself.",
            f"{waiting} proposals wait, and go on waiting for a person." if waiting else "No proposal waits.",
        ],
        reason_key="reason",
    )


def _pause(situation: Situation, title: str, intake: bool, effects: list[str]) -> Action:
    return Action(
        title=title,
        button=title,
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/pause",
        body={"intake": intake},
        effects=effects,
        reason_key="reason",
        is_severe=intake,
    )


def _pauses(situation: Situation) -> list[str]:
    rollout = []
    if situation.rollout is not None:
        rollout = [f"{sentences.capital(sentences.rollout_title(situation))} stays at its step."]
    return [
        f"Version {situation.champion} goes on answering; the epoch stays {situation.epoch}.",
        "No training is asked for. One under way may end; its model waits as a proposal.",
        *rollout,
        "A challenger that is shown to be worse is taken back all the same, and so is a champion that falls short.",
        "Drift and quality are watched as ever, and people may promote and roll back.",
    ]
