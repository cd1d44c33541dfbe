"""The actions by the name that their address has, and what came of each in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from penstock.console.web.actions import model_actions, pause_actions, proposal_actions, rollout_actions
from penstock.console.web.actions.action import Action, ActionImpossible, Choice
from penstock.console.web.actions.situation import Situation

ACTIONS: Mapping[str, Callable[[Situation, Choice], Action]] = {
    "promote": model_actions.promote,
    "rollback": model_actions.roll_back,
    "put-back": model_actions.put_back,
    "hold": model_actions.hold,
    "release": model_actions.release,
    "retrain": model_actions.retrain,
    "pause": pause_actions.pause,
    "pause-intake": pause_actions.pause_intake,
    "resume": pause_actions.resume,
    "rollout-start": rollout_actions.start,
    "rollout-pause": rollout_actions.pause,
    "rollout-resume": rollout_actions.resume,
    "rollout-abort": rollout_actions.abort,
    "rollout-promote": rollout_actions.promote,
    "approve": proposal_actions.approve,
    "decline": proposal_actions.decline,
}

_DONE: Mapping[tuple[str, str], str] = {
    ("promote", "promoted"): "Done: version {model} is the champion.",
    ("promote", "unchanged"): "Version {model} was the champion already; nothing changed.",
    ("rollback", "rolled_back"): "Done: version {model} answers again, and the stream is held.",
    ("rollback", "unchanged"): "Version {model} answered already; the stream is held.",
    (
        "put-back",
        "rolled_back",
    ): "Done: what served then answers again, version {model} as champion; the stream is held.",
    ("put-back", "unchanged"): "What served then answered already; the stream is held.",
    ("hold", "unchanged"): "Done: the stream is held at version {model}.",
    ("release", "released"): "Done: the hold is lifted; version {model} answers.",
    ("release", "unchanged"): "The stream was not held; nothing changed.",
    ("retrain", "accepted"): "Done: a training is asked for.",
    ("pause", "paused"): "Done: the stream is paused; version {model} goes on answering.",
    ("pause", "unchanged"): "The stream was paused already; nothing changed.",
    ("pause-intake", "paused"): "Done: the stream is paused, and takes nothing in.",
    ("pause-intake", "unchanged"): "The stream took nothing in already; nothing changed.",
    ("resume", "resumed"): "Done: the stream goes on; version {model} answers.",
    ("resume", "unchanged"): "The stream was not paused; nothing changed.",
    ("rollout-start", "rollout_started"): "Done: the rollout has started beside version {model}.",
    ("rollout-pause", "changed"): "Done: the rollout is paused.",
    ("rollout-pause", "unchanged"): "The rollout was paused already.",
    ("rollout-resume", "changed"): "Done: the rollout goes on.",
    ("rollout-resume", "unchanged"): "The rollout was not paused.",
    ("rollout-abort", "rolled_back"): "Done: the rollout has ended; version {model} answers everything.",
    ("rollout-promote", "promoted"): "Done: version {model} is the champion, and the rollout has ended.",
    ("approve", "promoted"): "Done: the proposal is carried out; version {model} is the champion.",
    ("approve", "rolled_back"): "Done: the proposal is carried out; version {model} answers again.",
    ("approve", "rollout_started"): "Done: the proposal is carried out; its rollout has started.",
    ("approve", "unchanged"): "The proposal was approved before; nothing changed.",
    ("decline", "declined"): "Done: the proposal is declined; version {model} stays the champion.",
    ("decline", "unchanged"): "The proposal was declined before; nothing changed.",
}


def action_of(name: str, situation: Situation, choice: Choice) -> Action:
    """The action of that name, as things are.

    Raises:
        ActionImpossible: there is none, or it makes no sense now.
    """
    find = ACTIONS.get(name)
    if find is None:
        raise ActionImpossible(f"There is no action {name!r}; there are {', '.join(ACTIONS)}.", 404)
    return find(situation, choice)


def done_code(name: str, answer: Mapping[str, Any]) -> str:
    """What came of an action, as an address holds it.

    >>> done_code("promote", {"status": "promoted", "model": 3})
    'promote.promoted.3'
    """
    return f"{name}.{answer.get('status')}.{answer.get('model')}"


def done_text(code: str) -> str:
    """What came of an action in words; empty where the code tells of none, whoever wrote it.

    >>> done_text("promote.promoted.3")
    'Done: version 3 is the champion.'
    >>> done_text("You have won, call 555"), done_text("promote.promoted.<b>")
    ('', '')
    """
    match = re.fullmatch(r"([a-z-]+)\.([a-z_]+)\.(\d{1,9}|None)", code)
    return _DONE.get((match[1], match[2]), "").format(model=match[3]) if match else ""
