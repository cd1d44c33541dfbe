"""Which actions are offered where: those that make sense now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.console.web.live.stream_history import StreamHistory


@dataclass(frozen=True)
class Offer:
    """A button: its text, and the address of its page below the stream's actions. `note` says what it is for."""

    text: str
    address: str
    note: str


def stream_offers(
    history: StreamHistory, stream: Mapping[str, Any], rollout: Mapping[str, Any] | None
) -> Iterator[Offer]:
    """What can be done about a stream, as the registry has it."""
    champions = {epoch.champion.version for epoch in history.epochs.values()}
    if rollout is not None and rollout["state"] != "ended":
        yield from _rollout_offers(rollout, stream["pause"])
    if len(champions) > 1:
        yield Offer("Roll back", "rollback", "return to the model that served before, and hold it")
    if stream["hold"] is None:
        yield Offer("Hold", "hold", "keep the present model: nothing changes by itself any more")
    else:
        yield Offer("Lift the hold", "release", "let the registry act by itself again")
    if stream["pause"] is None:
        yield Offer("Retrain", "retrain", "train a model now, whatever the trigger waits for")
    yield from _pause_offers(stream["pause"])


def version_offers(version: int, view: Mapping[str, Any], history: StreamHistory) -> Iterator[Offer]:
    """What can be done with a version."""
    if view["serving"] or view["archived"]:
        return
    yield Offer("Promote", f"promote?version={version}", "let it answer every event")
    if history.epoch is not None and history.epoch.rollout is None:
        yield Offer("Start a rollout", f"rollout-start?version={version}", "let it answer by degrees")
    if any(epoch.champion.version == version for epoch in history.epochs.values()):
        yield Offer("Roll back to it", f"rollback?version={version}", "it served before; then hold it")


def _pause_offers(pause: Mapping[str, Any] | None) -> Iterator[Offer]:
    if pause is not None:
        yield Offer("Resume", "resume", "train and promote by itself again, and take events in")
    if pause is None or pause["intake"]:
        yield Offer("Pause", "pause", "train and promote nothing for a while; answers go on")
    if pause is None or not pause["intake"]:
        yield Offer("Pause the intake", "pause-intake", "the same, and take no events and labels in")


def _rollout_offers(rollout: Mapping[str, Any], pause: Mapping[str, Any] | None) -> Iterator[Offer]:
    if pause is None and rollout["state"] == "paused":
        yield Offer("Let the rollout go on", "rollout-resume", "judge it again with the next outcomes")
    elif pause is None:
        yield Offer("Pause the rollout", "rollout-pause", "keep the shares as they are")
    if len(rollout["arms"]) == 2:
        yield Offer("Promote the challenger", "rollout-promote", "end the rollout with it as champion")
    yield Offer("Abort the rollout", "rollout-abort", "the champion answers everything again")
