"""Sentences that the pages of several actions share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penstock.console.replay.report.metric_names import METRIC_NAMES
from penstock.console.report_page.numbers import number_text, share_text
from penstock.console.web.actions.action import ActionImpossible
from penstock.console.web.actions.situation import Situation
from penstock.contracts.records.models import ModelEpoch


def version_text(situation: Situation, version: int) -> str:
    """A version with its family."""
    view = situation.models.get(version)
    return f"version {version} ({view['model']['family']})" if view else f"version {version}"


def versions_text(versions: Sequence[int]) -> str:
    """Versions in words.

    >>> versions_text([4]), versions_text([4, 5])
    ('version 4', 'versions 4, 5')
    """
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(map(str, versions))}"


def hold_text(hold: Mapping[str, Any]) -> str:
    """A hold, since when and by whom."""
    return f"the hold since the rollback at epoch {hold['epoch']} by {hold['by']}"


def rollout_title(situation: Situation) -> str:
    """The rollout under way."""
    assert situation.rollout is not None
    challengers = versions_text([arm["version"] for arm in situation.challengers])
    return f"the rollout by {situation.rollout['mode']} of {challengers}"


def answers_alone(situation: Situation, version: int) -> Iterator[str]:
    """What changes when a version becomes the champion by hand."""
    answers = f"{version_text(situation, version)} answers every event of {situation.stream}"
    yield f"From epoch {situation.epoch + 1} on {answers}, in place of version {situation.champion}."
    if situation.rollout is not None:
        yield f"{capital(rollout_title(situation))} ends: no challenger answers any more."


def answers_of_epoch(situation: Situation, record: ModelEpoch) -> Iterator[str]:
    """What answers once an earlier epoch is put back."""
    if record.rollout is None:
        yield from answers_alone(situation, record.champion.version)
        return
    shares = ", ".join(f"version {one.model.version} {share_text(one.share)}" for one in record.rollout.challengers)
    champion = version_text(situation, record.champion.version)
    yield f"From epoch {situation.epoch + 1} on {champion} is the champion, in place of version {situation.champion}."
    yield f"Beside it {shares} answers again: the rollout by {record.rollout.mode}, paused, its evidence begun anew."


def lifts_hold(situation: Situation) -> Iterator[str]:
    """That a promotion by a person ends a hold."""
    if situation.hold is not None:
        yield f"{capital(hold_text(situation.hold))} is lifted: the registry acts by itself again."


def fate_of_candidate(situation: Situation) -> str:
    """What becomes of a candidate that passes the gates."""
    mode = situation.declaration.rollout.mode
    if situation.hold is not None:
        return "it waits as a proposal for a person, since the stream is held"
    if situation.pause is not None:
        return "it waits as a proposal for a person, since the stream is paused"
    if situation.declaration.promotion.mode == "propose":
        return "it waits as a proposal for a person, as the stream declares"
    return "it is promoted at once" if mode == "at-once" else f"it is brought in by a rollout ({mode})"


def require_version(situation: Situation, version: int | None) -> int:
    """The version that is chosen, which is there, and is neither the champion nor archived.

    Raises:
        ActionImpossible: it is not so.
    """
    if version is None:
        raise ActionImpossible("The address names no version.", 422)
    if version not in situation.models:
        raise ActionImpossible(f"Stream {situation.stream} has no version {version}.", 404)
    if version == situation.champion:
        raise ActionImpossible(f"Version {version} of {situation.stream} is the champion already.")
    if situation.models[version]["archived"]:
        raise ActionImpossible(f"Version {version} of {situation.stream} is archived: it can no longer serve.")
    return version


def evidence_of_version(situation: Situation, version: int) -> Iterator[str]:
    """What the training and the gates said of a version."""
    view = situation.models[version]
    run = next((run for run in situation.runs if _made(run, view["model"]["run"])), None)
    evaluation = run["run"].get("evaluation") if run else None
    if evaluation:
        scores = evaluation.get("objective") or evaluation
        yield scores_text(scores["metric"], scores)
    else:
        yield f"Version {version} was not trained: it is the baseline, or was registered by a person."
    if run or not view["passed"]:
        yield "It passed the gates." if view["passed"] else "It did not pass the gates."
    for reason in ((run or {}).get("decision") or {}).get("reasons", ()):
        yield f"The gates: {reason}"


def scores_text(metric: str, scores: Mapping[str, Any]) -> str:
    """The scores of a candidate beside champion and baseline, as the registry gives them."""
    name = METRIC_NAMES.get(metric, metric.replace("_", " "))
    candidate, champion, baseline = (_score(scores[who]) for who in ("candidate", "champion", "baseline"))
    gain = _score(scores["gain"], signed=True)
    others = f"that of the champion then {champion}, the baseline's {baseline}"
    return f"On its holdout {name} is {candidate}, {others}; gain {gain}."


def _score(score: Mapping[str, Any], signed: bool = False) -> str:
    def text(value: float | None) -> str:
        return f"{value:+.4g}" if signed and value is not None else number_text(value)

    interval = "" if score.get("low") is None else f" ({text(score['low'])} to {text(score['high'])})"
    return text(score["value"]) + interval


def _made(run: Mapping[str, Any], request: str | None) -> bool:
    return request is not None and run["run"]["request"] == request and run["run"]["status"] != "started"


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def share_of(situation: Situation, share: float) -> str:
    """A share of what the traffic is split by."""
    entity = situation.declaration.entity
    return f"{share_text(share)} of the {f'values of {entity}' if entity else 'events'}"
