"""A stream as the registry has it now: what the commands on it are judged by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.console.web.registry_reader import RegistryFailure
from penstock.console.web.sources import Sources
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch

MOST_PROPOSALS = 100


@dataclass(frozen=True)
class Situation:
    """The registry's views of a stream, and its epochs as the log tells of them.

    `rollout` is the one under way, running or paused. `models` and `proposals` are by number. `outcomes` is how many
    outcomes a training could learn from.
    """

    declaration: Declaration
    epoch: int
    champion: int
    hold: Mapping[str, Any] | None
    pause: Mapping[str, Any] | None
    rollout: Mapping[str, Any] | None
    models: Mapping[int, Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]
    proposals: Mapping[int, Mapping[str, Any]]
    epochs: Mapping[int, ModelEpoch]
    outcomes: int

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self.declaration.name

    @property
    def challengers(self) -> list[Mapping[str, Any]]:
        """The challengers of the rollout under way, with their shares."""
        return list(self.rollout["arms"][1:]) if self.rollout else []


async def read_situation(sources: Sources, name: str) -> Situation:
    """The situation of a stream now.

    Raises:
        PageMissing: no stream of that name is declared.
        RegistryFailure: the registry does not answer.
    """
    _, history = sources.stream(name)
    get = sources.registry.get
    stream, models, runs, proposals, rollout = await asyncio.gather(
        get(f"streams/{name}"),
        get(f"streams/{name}/models"),
        get(f"streams/{name}/runs"),
        get(f"proposals?stream={name}&limit={MOST_PROPOSALS}"),
        newest_rollout(sources, name),
    )
    return Situation(
        declaration=Declaration.model_validate(stream["declaration"]),
        epoch=stream["epoch"],
        champion=stream["champion"],
        hold=stream["hold"],
        pause=stream["pause"],
        rollout=rollout if rollout and rollout["state"] != "ended" else None,
        models={view["model"]["version"]: view for view in models["models"]},
        runs=runs["runs"],
        proposals={proposal["proposal"]: proposal for proposal in proposals["proposals"]},
        epochs=dict(history.epochs),
        outcomes=history.training.outcomes,
    )


async def newest_rollout(sources: Sources, name: str) -> dict[str, Any] | None:
    """The registry's view of a stream's newest rollout, None before the first.

    Raises:
        RegistryFailure: the registry does not answer.
    """
    try:
        return await sources.registry.get(f"streams/{name}/rollout")
    except RegistryFailure as failure:
        if failure.status == 404:
            return None
        raise
