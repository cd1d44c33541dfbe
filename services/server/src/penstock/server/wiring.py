"""What a child of either kind does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from penstock.artifacts import ArtifactError, Seal, Store, Verifier, open_store
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.state import State
from penstock.contracts.batch import output
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS, EVENTS, MODELS, RECEIVED
from penstock.runtime.log_writer import LogWriter, WriteLimits
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError
from penstock.server.handlers import Scorer
from penstock.server.learning.outcome_follower import Lessons
from penstock.server.models.alerts import Alerts
from penstock.server.models.local_copy import KeptModels
from penstock.server.models.manager import Models
from penstock.server.models.model_loader import Loader
from penstock.server.processes.parent_watch import end_with
from penstock.server.scoring.answer_log import Records
from penstock.server.scoring.predictor import Desk
from penstock.server.settings import HttpSettings, ModelSettings, StreamSettings

CODE = version("penstock-server")


@dataclass(frozen=True)
class Parts:
    """Where models come from, and whose signature counts. Services in one process share the store.

    Without `kept` no copy is kept for a restart.
    """

    store: Store
    verifier: Verifier
    kept: KeptModels = field(default_factory=KeptModels)


def parts_of(settings: ModelSettings) -> Parts:
    """The parts that the settings name.

    Raises:
        SettingsError: the key file or the store cannot be used.
    """
    if settings.trusted_keys is None:
        raise SettingsError("PENSTOCK_TRUSTED_KEYS: expected the file with the public keys that models are signed by")
    try:
        verifier = Verifier.from_file(settings.trusted_keys)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_TRUSTED_KEYS: {error}") from error
    try:
        store = open_store(settings.artifacts)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ARTIFACTS: {error}") from error
    return Parts(store, verifier, KeptModels(settings.data_folder / "models"))


def seal_of(settings: HttpSettings) -> Seal:
    """The seal on the answers that are given over HTTP.

    Raises:
        SettingsError: its key cannot be read.
    """
    if settings.answer_key is None:
        raise SettingsError("PENSTOCK_ANSWER_KEY: expected the file with the key that answers are sealed by")
    try:
        return Seal.from_file(settings.answer_key)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ANSWER_KEY: {error}") from error


def lessons_of(resources: Resources) -> Lessons:
    """What brings outcomes to the models in service in this process."""
    return Lessons(resources.log, resources.namespace, resources.streams)


def models_of(resources: Resources, parts: Parts, lessons: Lessons) -> Models:
    """The models in service in this process; it tells of those that it refuses."""

    async def publish(alert: Alert) -> None:
        await resources.publisher.publish([output(ALERTS, alert, key=alert.stream)])

    loader = Loader(parts.store, parts.verifier, parts.kept)
    return Models(loader, resources.streams, Alerts(publish), resources.metrics.epoch, lessons)


def desk_of(resources: Resources, models: Models, seal: Seal) -> Desk:
    """What answers requests in this process."""
    delivery = LogWriter(resources.publisher, RECEIVED, WriteLimits())
    records = Records(delivery, resources.namespace, resources.telemetry, resources.metrics.unconfirmed)
    return Desk(models, resources.streams, records, seal, resources.clock, CODE)


def build_stream(settings: StreamSettings, resources: Resources, parts: Parts | None = None) -> Service:
    """The stream scorer: events in, predictions out. `parts` replace those that the settings name."""
    lessons = lessons_of(resources)
    models = models_of(resources, parts or parts_of(settings), lessons)
    scorer = Scorer(models, CODE)

    def opened(_unit: Unit, _state: State) -> Sequence[Route]:
        return [route(EVENTS, scorer.score)]

    return Service(
        groups=[Group("server", (EVENTS,), opened)],
        followers=[resources.follow(MODELS, models.want), lessons],
        tasks=[models.keep_settled, *end_with(settings.supervisor)],
        health=lambda: models.facts() | lessons.facts(),
    )


def build_http(
    settings: HttpSettings, resources: Resources, parts: Parts | None = None, seal: Seal | None = None
) -> Service:
    """Predictions on request. `parts` and `seal` replace those that the settings name."""
    lessons = lessons_of(resources)
    models = models_of(resources, parts or parts_of(settings), lessons)
    desk = desk_of(resources, models, seal or seal_of(settings))
    _keep_bentoml_in(settings.data_folder)
    from penstock.server.web.app import build_app  # noqa: PLC0415 (the stream child must not import BentoML)

    return Service(
        followers=[resources.follow(MODELS, models.want), lessons],
        app=build_app(desk, resources.telemetry, resources.metrics),
        tasks=[models.keep_settled, *end_with(settings.supervisor)],
        health=lambda: models.facts() | lessons.facts(),
    )


def _keep_bentoml_in(data_folder: Path) -> None:
    """BentoML writes into its home, which it makes when it is imported."""
    os.environ.setdefault("BENTOML_HOME", str(data_folder.absolute() / "bentoml"))
