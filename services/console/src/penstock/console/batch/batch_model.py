"""The model of a batch: that of an epoch, opened as a server opens it, with what it has learnt until now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from penstock.bus.ports import Log
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.lineage.places import TopicReader
from penstock.console.lineage.served_models import ServedModels
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES
from penstock.ml.online.blend import Blend
from penstock.server.models.local_model import LocalModel
from penstock.server.models.model_check import RefusedModel
from penstock.server.models.model_loader import ModelLoader, StoreUnavailable


@dataclass(frozen=True)
class BatchModel:
    """A model that answers rows: its version, the epoch that it was found in, and the outcomes it knows, by offset."""

    stream: StreamDeclared
    epoch: int
    version: ModelVersion
    learnt_to: int
    model: LocalModel


async def open_batch_model(
    log: Log,
    namespace: str,
    stream: StreamDeclared,
    loader: ModelLoader,
    version: int | None = None,
    learnt_to: int | None = None,
) -> BatchModel:
    """The champion of the newest epoch, or the version that is named, of the newest epoch that it serves in.

    What it learns while it serves it is taught here from the outcomes on the log, to their end or before `learnt_to`.

    Raises:
        ConsoleFailure: there is no such version, or it cannot be opened.
        TransientError: the log does not answer.
    """
    epoch, found = _find(await _epochs(log, namespace, stream), stream, version)
    try:
        artifact = await asyncio.to_thread(loader.fetch, stream.name, found)
        opened = await asyncio.to_thread(loader.open, epoch, found, artifact, stream.declaration)
    except (RefusedModel, StoreUnavailable) as error:
        raise ConsoleFailure(f"version {found.version} of {stream.name} cannot be opened: {error}") from error
    model = LocalModel(opened, stream.declaration, found.digest)
    outcomes: TopicReader[Any] = TopicReader(log, namespace, OUTCOMES, stream)
    begin, end = (await outcomes.bounds()).get(0, (0, 0))
    end = end if learnt_to is None else min(learnt_to, end)
    if model.learner is not None:
        start = max(begin, opened.learnt_to if isinstance(opened, Blend) else 0)
        await _teach(outcomes, start, end, model)
    return BatchModel(stream, epoch.epoch, found, end, model)


async def _epochs(log: Log, namespace: str, stream: StreamDeclared) -> list[ModelEpoch]:
    placed = await ServedModels(log, namespace, stream).epochs()
    return [placed[number].record for number in sorted(placed)]


def _find(epochs: list[ModelEpoch], stream: StreamDeclared, version: int | None) -> tuple[ModelEpoch, ModelVersion]:
    if not epochs:
        raise ConsoleFailure(f"no model of {stream.name} serves yet")
    if version is None:
        return epochs[-1], epochs[-1].champion
    for epoch in reversed(epochs):
        if epoch.champion.version == version:
            return epoch, epoch.champion
    raise wrong_input(f"version {version} of {stream.name} has not served; see: penstock served {stream.name}")


async def _teach(outcomes: TopicReader[Any], start: int, end: int, model: LocalModel) -> None:
    learner: Any = model.learner
    async for _, raw in outcomes.read_raw({0: (start, end)}):
        if raw:
            await asyncio.to_thread(learner.learn, outcomes.stream, raw)
