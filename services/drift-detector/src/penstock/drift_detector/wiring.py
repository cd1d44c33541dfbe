"""Builds the drift detector from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from penstock.artifacts import ArtifactError, Store, open_store
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.unit_state import State
from penstock.contracts.topics import COUNTS, EVENTS, LABELS, MODELS, OUTCOMES, PREDICTIONS
from penstock.drift_detector.drift.champions import Champions
from penstock.drift_detector.drift.profile_store import ProfileStore
from penstock.drift_detector.handlers import PartitionHandler, StreamHandler
from penstock.drift_detector.settings import DriftDetectorSettings
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError


def build(settings: DriftDetectorSettings, resources: Resources, store: Store | None = None) -> Service:
    """The drift detector. Services in one process pass the `store` that they share.

    Raises:
        SettingsError: the artifact store cannot be used.
    """
    champions = Champions()
    profiles = ProfileStore(store or _open_store(settings))

    def open_unit(unit: Unit, state: State) -> Sequence[Route]:
        assert unit.stream is not None  # every topic of the group belongs to a stream
        count_unmet = partial(resources.metrics.streams.count_unmet_labels, unit.stream)
        partition = PartitionHandler(unit.stream, unit.partition, state, champions, profiles, count_unmet)
        routes = [
            route(EVENTS, partition.events),
            route(PREDICTIONS, partition.predictions),
            route(LABELS, partition.labels),
        ]
        if unit.partition > 0:
            return routes
        stream = StreamHandler(unit.stream, state, champions, profiles)
        return [*routes, route(OUTCOMES, stream.outcomes), route(COUNTS, stream.counts)]

    topics = (EVENTS, PREDICTIONS, LABELS, OUTCOMES, COUNTS)
    return Service(
        groups=[Group("drift-detector", topics, open_unit, stateful=True)],
        followers=[resources.follow(MODELS, champions.apply)],
        health=lambda: {"epochs": champions.epochs()},
    )


def _open_store(settings: DriftDetectorSettings) -> Store:
    try:
        return open_store(settings.artifacts)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ARTIFACTS: {error}") from error
