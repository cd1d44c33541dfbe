"""How a model came to serve: the epoch, the gate's evidence, the run, the request, the decision, what tipped it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.bus.ports import Log
from penstock.console.lineage.places import Place, Placed, TopicReader
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import Command
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import (
    COMMANDS,
    DECISIONS,
    DRIFT,
    MODELS,
    OUTCOMES,
    STATISTICS,
    TRAINING_REQUESTS,
    TRAINING_RUNS,
    Topic,
)


@dataclass(frozen=True, slots=True)
class ModelLineage:
    """What led to an answer of a version in an epoch; what the log does not have, or never was, is None.

    `began` is the first epoch in a row in which the version served as it did in `epoch`: as the champion, or as a
    challenger. `tipped_by` is the record that the request names as its cause: a drift, the statistics of a block of
    outcomes, or a command. `tipping_outcome` is where the outcome is at which the drift was found, or the last of the
    block.
    """

    epoch: Placed[ModelEpoch] | None
    began: Placed[ModelEpoch] | None
    model: ModelVersion | None
    run: Placed[TrainingRun] | None
    request: Placed[TrainingRequest] | None
    decision: Placed[Decision] | None
    tipped_by: Placed[Drift] | Placed[Statistics] | Placed[Command] | None

    @property
    def tipping_outcome(self) -> Place | None:
        """A drift counts the outcomes up to the one that it was found at."""
        match self.tipped_by:
            case Placed(Drift() as drift):
                return Place(OUTCOMES.short_name, 0, drift.outcomes - 1)
            case Placed(Statistics() as block):
                return Place(OUTCOMES.short_name, 0, block.stop - 1)
        return None


async def read_lineage(log: Log, namespace: str, stream: str, epoch: int, version: int) -> ModelLineage:
    """The lineage of the version that answered in an epoch of a stream.

    Raises:
        TransientError: the log does not answer.
    """

    async def by(topic: Topic[Any], name: str) -> dict[Any, Placed[Any]]:
        placed = [one async for one in TopicReader(log, namespace, topic).read_all() if one.record.stream == stream]
        return {getattr(one.record, name): one for one in placed}

    epochs: Mapping[int, Placed[ModelEpoch]] = await by(MODELS, "epoch")
    served_in = epochs.get(epoch)
    model = _model_in(served_in.record, version) if served_in else None
    request_id = model.run if model else None
    request = (await by(TRAINING_REQUESTS, "id")).get(request_id) if request_id else None
    cause = request.record.cause if request else None
    return ModelLineage(
        epoch=served_in,
        began=_began(epochs, epoch, version),
        model=model,
        run=(await by(TRAINING_RUNS, "request")).get(request_id) if request else None,
        request=request,
        decision=(await by(DECISIONS, "request")).get(request_id) if request else None,
        tipped_by=await _cause(by, cause) if cause else None,
    )


async def _cause(
    by: Callable[[Topic[Any], str], Awaitable[dict[Any, Placed[Any]]]], record_id: str
) -> Placed[Any] | None:
    for topic in (DRIFT, STATISTICS, COMMANDS):
        if (found := (await by(topic, "id")).get(record_id)) is not None:
            return found
    return None


def _model_in(epoch: ModelEpoch, version: int) -> ModelVersion | None:
    challengers = epoch.rollout.challengers if epoch.rollout else ()
    return next(
        (model for model in (epoch.champion, *(one.model for one in challengers)) if model.version == version), None
    )


def _began(epochs: Mapping[int, Placed[ModelEpoch]], epoch: int, version: int) -> Placed[ModelEpoch] | None:
    """Back from an epoch, as long as the version serves in the same role."""
    if epoch not in epochs:
        return None
    was_champion = epochs[epoch].record.champion.version == version
    first = epoch
    while first - 1 in epochs:
        before = epochs[first - 1].record
        if _model_in(before, version) is None or (before.champion.version == version) is not was_champion:
            break
        first -= 1
    return epochs[first]
