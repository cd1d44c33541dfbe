"""Commands on rollouts: start one, pause it, let it go on, take it back, promote its challenger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from penstock.console.report_page.numbers import share_text
from penstock.console.web.actions import sentences
from penstock.console.web.actions.action import Action, ActionImpossible, Choice, RolloutOptions
from penstock.console.web.actions.situation import Situation
from penstock.contracts.records.models import RolloutMode
from penstock.registry.rollout_plan import RolloutPlan

MODES: tuple[RolloutMode, ...] = get_args(RolloutMode)
BAD_STEPS = "Shares lie between 0 and 1 and rise, such as 0.05, 0.2, 0.5; at most 20 of them."


def start(situation: Situation, choice: Choice) -> Action:
    """Let a version answer beside the champion, by degrees."""
    version = sentences.require_version(situation, choice.version)
    if situation.rollout is not None:
        title = sentences.rollout_title(situation)
        raise ActionImpossible(f"Of {situation.stream} {title} is under way: abort or promote it first.")
    plan = _plan(situation, choice)
    return Action(
        title=f"Start a rollout of version {version}",
        button=f"Start the rollout ({plan.mode})",
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/rollout",
        body={"versions": [version], "mode": plan.mode, "steps": list(plan.steps)},
        effects=[
            *_split(situation, plan, version),
            *_end(situation, plan),
            f"Every change of the shares is an epoch; the first is epoch {situation.epoch + 1}.",
        ],
        evidence=list(sentences.evidence_of_version(situation, version)),
        version=version,
        options=RolloutOptions(version, plan.mode, ", ".join(f"{step:g}" for step in plan.steps)),
    )


def pause(situation: Situation, _: Choice) -> Action:
    """Take no further step."""
    if _under_way(situation)["state"] == "paused":
        raise ActionImpossible(f"The rollout of {situation.stream} is paused already.")
    return _control(
        situation,
        "pause",
        "Pause the rollout",
        [
            f"The shares stay as they are: {_shares(situation)}.",
            "No further step is taken, and no challenger is promoted, until a person lets it go on.",
            "A challenger that is shown to be worse is taken back all the same.",
        ],
    )


def resume(situation: Situation, _: Choice) -> Action:
    """Go on after a pause."""
    if situation.pause is not None:
        raise ActionImpossible(f"{situation.stream} is paused, and its rollout with it: resume the stream.")
    if _under_way(situation)["state"] != "paused":
        raise ActionImpossible(f"The rollout of {situation.stream} is not paused.")
    return _control(
        situation,
        "resume",
        "Let the rollout go on",
        [
            f"At first the shares stay as they are: {_shares(situation)}.",
            "With the next block of outcomes it is judged again: it steps on, ends with a promotion, or is taken back.",
        ],
    )


def abort(situation: Situation, _: Choice) -> Action:
    """Take the challenger back."""
    _under_way(situation)
    challengers = sentences.versions_text([arm["version"] for arm in situation.challengers])
    return _control(
        situation,
        "abort",
        "Abort the rollout",
        [
            f"From epoch {situation.epoch + 1} on version {situation.champion} answers every event again.",
            f"The rollout ends: {challengers} is taken back, and an alert says so and why.",
        ],
        is_severe=True,
    )


def promote(situation: Situation, _: Choice) -> Action:
    """Make the challenger the champion now."""
    _under_way(situation)
    if len(situation.challengers) != 1:
        raise ActionImpossible("The rollout tries several versions: promote one of them on the page of that model.")
    version = situation.challengers[0]["version"]
    return _control(
        situation,
        "promote",
        f"Promote the challenger, version {version}",
        [*sentences.answers_alone(situation, version), *sentences.lifts_hold(situation)],
        version,
    )


def _control(
    situation: Situation,
    order: str,
    title: str,
    effects: list[str],
    version: int | None = None,
    is_severe: bool = False,
) -> Action:
    return Action(
        title=title,
        button=title,
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/rollout/{order}",
        body={},
        effects=effects,
        evidence=list(_comparison(situation)),
        version=version,
        is_severe=is_severe,
    )


def _under_way(situation: Situation) -> dict[str, object]:
    if situation.rollout is None:
        raise ActionImpossible(f"No rollout of {situation.stream} is under way.")
    return dict(situation.rollout)


def _plan(situation: Situation, choice: Choice) -> RolloutPlan:
    mode = next((mode for mode in MODES if mode == choice.mode), None)
    if choice.mode and mode is None:
        raise ActionImpossible(f"There is no rollout by {choice.mode!r}: choose {', '.join(MODES)}.", 422)
    has_objective = situation.declaration.objective is not None
    steps = _steps(choice.steps)
    return RolloutPlan.of(situation.declaration.rollout, mode, steps, has_objective=has_objective)


def _steps(text: str) -> tuple[float, ...]:
    try:
        steps = tuple(float(share) for share in text.replace(";", ",").split(",") if share.strip())
    except ValueError as error:
        raise ActionImpossible(BAD_STEPS, 422) from error
    if not all(0 < share < 1 for share in steps) or list(steps) != sorted(set(steps)) or len(steps) > 20:
        raise ActionImpossible(BAD_STEPS, 422)
    return steps


def _split(situation: Situation, plan: RolloutPlan, version: int) -> Iterator[str]:
    """Who answers what, at each step."""
    challenger, champion = f"version {version}", f"version {situation.champion}"
    match plan.mode:
        case "shadow":
            yield f"{champion.capitalize()} goes on answering every event."
            yield f"{challenger.capitalize()} is asked about every event too, for comparison: nobody gets its answers."
        case "canary":
            for number, share in enumerate(plan.steps, 1):
                part, rest = sentences.share_of(situation, share), share_text(1 - share)
                yield f"Step {number} of {len(plan.steps)}: {challenger} answers {part}, {champion} the other {rest}."
            yield f"A step lasts at least until the challenger has {plan.outcomes:,} outcomes."
        case "ab":
            part, rest = sentences.share_of(situation, plan.steps[-1]), share_text(1 - plan.steps[-1])
            yield f"{challenger.capitalize()} answers {part}, {champion} the other {rest}."
        case "bandit":
            yield f"At first {challenger} and {champion} each answer {sentences.share_of(situation, 0.5)}."
            yield "Then each has the share that is its probability to be the best."


def _end(situation: Situation, plan: RolloutPlan) -> Iterator[str]:
    waits = (
        situation.hold is not None or situation.pause is not None or situation.declaration.promotion.mode == "propose"
    )
    promoted = "waits as a proposal for a person" if waits else "becomes the champion by itself"
    yield f"A challenger that proves itself {promoted}; one that is shown to be worse is taken back at once."
    yield f"If nothing is decided after {plan.limit:,} outcomes of the stream, the champion stays."


def _shares(situation: Situation) -> str:
    assert situation.rollout is not None
    return ", ".join(
        f"version {arm['version']} answers {share_text(arm['share'])}" for arm in situation.rollout["arms"]
    )


def _comparison(situation: Situation) -> Iterator[str]:
    rollout = situation.rollout
    assert rollout is not None
    yield f"{rollout['outcomes']:,} outcomes have come since it began."
    if rollout["low"] is not None:
        bounds = f"{rollout['low']:+.4g} and {rollout['high']:+.4g}"
        yield f"The challenger's {rollout['loss'].replace('_', ' ')} less the champion's lies between {bounds}."
