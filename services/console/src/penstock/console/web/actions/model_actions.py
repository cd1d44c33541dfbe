"""Commands on which model answers: promote, roll back, hold, release, retrain."""

from __future__ import annotations

from dataclasses import replace

from penstock.console.web.actions import sentences
from penstock.console.web.actions.action import Action, ActionImpossible, Choice
from penstock.console.web.actions.situation import Situation
from penstock.registry.rollback import rollback_target

HOLDS = (
    "Then the stream is held: nothing is promoted, returned or rolled out by itself until a person lifts the hold or"
    " promotes a model.",
    "Drift is watched and models are trained as ever; those that pass the gates wait as proposals.",
)


def promote(situation: Situation, choice: Choice) -> Action:
    """Let a version serve."""
    version = sentences.require_version(situation, choice.version)
    passed = situation.models[version]["passed"]
    return Action(
        title=f"Promote version {version}",
        button=f"Promote version {version}",
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/promote",
        body={"version": version, "expected_epoch": situation.epoch},
        effects=[
            *sentences.answers_alone(situation, version),
            *([] if passed else ["It did not pass the gates: it serves all the same, because you say so."]),
            *sentences.lifts_hold(situation),
            f"Version {situation.champion} stays in the registry: a rollback returns to it.",
        ],
        evidence=list(sentences.evidence_of_version(situation, version)),
        version=version,
        is_severe=not passed,
    )


def roll_back(situation: Situation, choice: Choice) -> Action:
    """Return to a version that has served: the one that is chosen, or the one before."""
    version = sentences.require_version(situation, previous_version(situation, choice.version))
    served = [number for number, epoch in situation.epochs.items() if epoch.champion.version == version]
    if not served:
        raise ActionImpossible(f"Version {version} of {situation.stream} never served: promote it instead.")
    held = [f"{_already_held(situation)} That hold stays."] if situation.hold else []
    return Action(
        title=f"Roll back to version {version}",
        button=f"Roll back to version {version}, and hold",
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/rollback",
        body={"to_version": version, "expected_epoch": situation.epoch},
        effects=[*sentences.answers_alone(situation, version), *(held or HOLDS)],
        evidence=[
            f"Version {version} was champion in {_epochs_text(served)}, version {situation.champion} came after it.",
            *sentences.evidence_of_version(situation, version),
        ],
        version=version,
        is_severe=True,
    )


def put_back(situation: Situation, choice: Choice) -> Action:
    """Put back all that served in an earlier epoch: the champion, and challengers with their shares."""
    record = None if choice.epoch is None else situation.epochs.get(choice.epoch)
    if record is None:
        raise ActionImpossible(f"{situation.stream} has had no epoch {choice.epoch}.", 404)
    if record.epoch == situation.epoch:
        raise ActionImpossible(f"Epoch {record.epoch} is in force: there is nothing to put back.")
    held = [f"{_already_held(situation)} That hold stays."] if situation.hold else []
    return Action(
        title=f"Put epoch {record.epoch} back",
        button=f"Put epoch {record.epoch} back, and hold",
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/rollback",
        body={"to_epoch": record.epoch, "expected_epoch": situation.epoch},
        effects=[
            *sentences.answers_of_epoch(situation, record),
            *(held or HOLDS),
        ],
        evidence=[f"Epoch {record.epoch} began at {record.time:%Y-%m-%d %H:%M:%S}: {record.reason}, {record.detail}."],
        version=record.champion.version,
        is_severe=True,
    )


def hold(situation: Situation, _: Choice) -> Action:
    """Keep the champion, and let nothing change by itself: a rollback to the version that serves."""
    if situation.hold is not None:
        raise ActionImpossible(_already_held(situation))
    under_way = []
    if situation.rollout is not None:
        title = sentences.capital(sentences.rollout_title(situation))
        under_way = [f"{title} goes on, but nobody is promoted by it: pause or abort it as well."]
    return Action(
        title=f"Hold version {situation.champion}",
        button="Hold",
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/rollback",
        body={"to_version": situation.champion, "expected_epoch": situation.epoch},
        effects=[
            f"Version {situation.champion} goes on answering; the epoch stays {situation.epoch}.",
            *under_way,
            *HOLDS,
        ],
        version=situation.champion,
    )


def release(situation: Situation, _: Choice) -> Action:
    """Lift the hold of a rollback."""
    if situation.hold is None:
        raise ActionImpossible(f"Stream {situation.stream} is not held: there is nothing to lift.")
    waiting = sum(proposal["state"] == "waiting" for proposal in situation.proposals.values())
    after = sentences.fate_of_candidate(_without_hold(situation))
    return Action(
        title="Lift the hold",
        button="Lift the hold",
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/release",
        body={},
        effects=[
            f"{_already_held(situation)} It ends.",
            f"Version {situation.champion} goes on answering; the epoch stays {situation.epoch}.",
            f"From then on the registry acts by itself again: when a candidate passes the gates, {after}.",
            f"{waiting} proposals wait, and go on waiting for a person." if waiting else "No proposal waits.",
        ],
    )


def retrain(situation: Situation, _: Choice) -> Action:
    """Ask for a training."""
    if situation.pause is not None:
        raise ActionImpossible(f"{situation.stream} is paused by {situation.pause['by']}: resume it first.")
    most = situation.declaration.models.most_rows
    rows = min(situation.outcomes, most)
    return Action(
        title="Retrain",
        button="Ask for a training",
        epoch=situation.epoch,
        path=f"streams/{situation.stream}/retrain",
        body={},
        effects=[
            f"A model is trained now, whatever the trigger waits for, on the newest {rows:,} outcomes at most.",
            f"Meanwhile version {situation.champion} goes on answering.",
            f"The candidate is compared at the gates; if it passes, {sentences.fate_of_candidate(situation)}.",
        ],
    )


def previous_version(situation: Situation, chosen: int | None = None) -> int:
    """The version that is chosen, or else the one that served before.

    Raises:
        ActionImpossible: none served before, or the console does not know the newest epoch yet.
    """
    if chosen is not None:
        return chosen
    if situation.epoch not in situation.epochs:
        raise ActionImpossible(
            f"The console has not read epoch {situation.epoch} of {situation.stream} yet: try again in a moment.", 503
        )
    archived = {version for version, view in situation.models.items() if view["archived"]}
    epochs = [situation.epochs[number] for number in sorted(situation.epochs)]
    target = rollback_target(epochs, archived)
    if target is None:
        raise ActionImpossible(f"No model of {situation.stream} served before version {situation.champion}.")
    return target


def _already_held(situation: Situation) -> str:
    assert situation.hold is not None
    why = f" ({situation.hold['detail']})" if situation.hold.get("detail") else ""
    return f"The stream is held since the rollback at epoch {situation.hold['epoch']} by {situation.hold['by']}{why}."


def _without_hold(situation: Situation) -> Situation:
    return replace(situation, hold=None)


def _epochs_text(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"epoch {numbers[0]}"
    return f"{len(numbers)} epochs, the last of them {max(numbers)}"
