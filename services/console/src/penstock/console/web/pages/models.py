"""The models of a stream, and one of them: its evidence, its lineage, its settings, and how it differs from another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from penstock.console.lineage.model_importance import ModelImportance, read_importance
from penstock.console.web.actions.offers import Offer, version_offers
from penstock.console.web.charts.chart import Chart
from penstock.console.web.charts.importance_chart import importance_chart
from penstock.console.web.live.stream_history import StreamHistory
from penstock.console.web.sources import PageMissing, Sources
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRequest, TrainingRun


@dataclass(frozen=True)
class ModelLine:
    """A version in the list: the registry's view of it, and the epochs in which it was champion."""

    version: int
    family: str
    registered: str
    passed: bool
    archived: bool
    serving: bool
    epochs: Sequence[int]


@dataclass(frozen=True)
class ModelsPage:
    """All versions of a stream, the newest first."""

    declared: StreamDeclared
    models: Sequence[ModelLine]


@dataclass(frozen=True)
class Tenure:
    """Epochs in a row in which a version was champion, since when, and until when (None: it is now)."""

    first: int
    last: int
    reason: str
    detail: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class ModelSide:
    """One version: the registry's `view`, its training run and what asked for that, and when it was champion."""

    version: int
    view: Mapping[str, Any]
    run: TrainingRun | None
    gate: Mapping[str, Any] | None
    request: TrainingRequest | None
    tenures: Sequence[Tenure]
    importance: Chart | None
    importance_missing: str


@dataclass(frozen=True)
class ModelPage:
    """A version, beside another if one was asked for, the versions to compare it with, and what can be done with it."""

    declared: StreamDeclared
    model: ModelSide
    other: ModelSide | None
    versions: Sequence[int]
    offers: Sequence[Offer]


async def read_models(sources: Sources, name: str) -> ModelsPage:
    """The page with all versions of a stream.

    Raises:
        PageMissing: no stream of that name is declared.
        RegistryFailure: the registry does not answer.
    """
    declared, history = sources.stream(name)
    document = await sources.registry.get(f"streams/{name}/models")
    return ModelsPage(declared, [_line(view, history) for view in reversed(document["models"])])


def _line(view: Mapping[str, Any], history: StreamHistory) -> ModelLine:
    version = view["model"]["version"]
    return ModelLine(
        version=version,
        family=view["model"]["family"],
        registered=view["registered"],
        passed=view["passed"],
        archived=view["archived"],
        serving=view["serving"],
        epochs=[number for number, epoch in sorted(history.epochs.items()) if epoch.champion.version == version],
    )


async def read_model(sources: Sources, name: str, version: int, other: int | None) -> ModelPage:
    """The page of one version, with another beside it if asked for.

    Raises:
        PageMissing: there is no such stream, or no such version.
        RegistryFailure: the registry does not answer.
    """
    declared, history = sources.stream(name)
    models, runs = await asyncio.gather(
        sources.registry.get(f"streams/{name}/models"), sources.registry.get(f"streams/{name}/runs")
    )
    views = {view["model"]["version"]: view for view in models["models"]}

    async def side(number: int) -> ModelSide:
        if number not in views:
            raise PageMissing(f"Stream {name} has no version {number}.")
        importance = await _importance(sources, name, views[number])
        return _side(views[number], runs["runs"], history, importance)

    others = [number for number in reversed(views) if number != version]
    model, beside = await side(version), None if other is None else await side(other)
    return ModelPage(declared, model, beside, others, list(version_offers(version, model.view, history)))


async def _importance(sources: Sources, stream: str, view: Mapping[str, Any]) -> ModelImportance:
    if sources.models is None:
        return ModelImportance(missing="the console has no keys to check the signature of its model with")
    return await asyncio.to_thread(read_importance, sources.models, stream, ModelVersion.model_validate(view["model"]))


def _side(
    view: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], history: StreamHistory, importance: ModelImportance
) -> ModelSide:
    version, request_id = view["model"]["version"], view["model"]["run"]
    ended = [run for run in runs if run["run"]["request"] == request_id and run["run"]["status"] != "started"]
    found = next(iter(ended), None)
    requests = {request.id: request for request in history.training.requests.values()}
    return ModelSide(
        version=version,
        view=view,
        run=TrainingRun.model_validate(found["run"]) if found else None,
        gate=found["decision"] if found else None,
        request=requests.get(request_id) if request_id else None,
        tenures=tenures_of(version, history.epochs),
        importance=importance_chart(version, importance),
        importance_missing=importance.missing,
    )


def tenures_of(version: int, epochs: Mapping[int, ModelEpoch]) -> list[Tenure]:
    """The times of a version as champion, the newest first."""
    found: list[Tenure] = []
    for number in sorted(epochs):
        epoch, before = epochs[number], epochs.get(number - 1)
        if epoch.champion.version == version:
            if before is not None and before.champion.version == version and found:
                found[-1] = replace(found[-1], last=number)
            else:
                found.append(Tenure(number, number, epoch.reason, epoch.detail, epoch.time, None))
        elif before is not None and before.champion.version == version and found:
            found[-1] = replace(found[-1], until=epoch.time)
    return found[::-1]
