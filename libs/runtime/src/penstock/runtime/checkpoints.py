"""Checkpoints of a service's state, where the settings name a place for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from penstock.artifacts import ArtifactError, open_named_files
from penstock.bus.state.checkpoint_store import CheckpointStore
from penstock.bus.state.checkpointed_stores import CheckpointedStores
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.runtime.service import Service
from penstock.runtime.settings import ServiceSettings, SettingsError
from penstock.telemetry.metrics import Metrics


def open_checkpoints(
    settings: ServiceSettings, stores: RocksStateStores, metrics: Metrics
) -> CheckpointedStores | None:
    """The stores with checkpoints; None: the settings name no place for any.

    Raises:
        SettingsError: the place cannot be used.
    """
    if not settings.checkpoints:
        return None
    try:
        files = open_named_files(settings.checkpoints)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_CHECKPOINTS: {error}") from error
    return CheckpointedStores(stores, CheckpointStore(files, settings.namespace), metrics.count_checkpoint)


def with_checkpoints(service: Service, checkpoints: CheckpointedStores, seconds: float) -> Service:
    """The service with a checkpoint of its state every so many seconds; `/healthz` says which failed, and why."""

    def facts() -> dict[str, Any]:
        problems = {"checkpoints": dict(checkpoints.problems)} if checkpoints.problems else {}
        return service.health() | problems

    return replace(service, tasks=[*service.tasks, lambda: checkpoints.store_every(seconds)], health=facts)
