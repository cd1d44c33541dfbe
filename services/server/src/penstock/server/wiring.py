"""What a child of either kind is made of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from penstock.artifacts import Seal
from penstock.bus.alert_queue import AlertQueue
from penstock.bus.follower import Follower
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.unit_state import State
from penstock.contracts.batch import output
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS, EVENTS, MODELS, RECEIVED, STREAMS
from penstock.runtime.log_writer import LogWriter, WriteLimits
from penstock.runtime.service import Resources, Service
from penstock.server.handlers import StreamScorer, UnitScorer
from penstock.server.learning.outcome_follower import OutcomeFollower
from penstock.server.models.arm_loader import ArmLoader
from penstock.server.models.epochs import Epochs
from penstock.server.models.manager import PATIENCE, ModelManager
from penstock.server.models.model_loader import ModelLoader
from penstock.server.models.model_processes import ModelProcesses
from penstock.server.processes.parent_watch import parent_watch_tasks
from penstock.server.scoring.answer_log import AnswerLog
from penstock.server.scoring.predictor import Predictor
from penstock.server.settings import HttpSettings, ModelSettings, StreamSettings
from penstock.server.store_and_keys import open_loader, open_seal

CODE = version("penstock-server")


def build_stream(settings: StreamSettings, resources: Resources, loader: ModelLoader | None = None) -> Service:
    """The stream scorer: events in, predictions out.

    `loader` replaces the one that the settings name; with it no process is started, all models answer in this one, and
    each load is waited for.
    """
    patience = PATIENCE if loader is None else None
    models, outcomes = model_manager(resources, arm_loader(settings, loader), patience)
    scorer = StreamScorer(models, CODE, resources.metrics.streams.count_predictions)

    def routes(_unit: Unit, _state: State) -> Sequence[Route]:
        return [route(EVENTS, UnitScorer(scorer, models).score)]

    return Service(
        groups=[Group("server", (EVENTS,), routes)],
        followers=model_followers(resources, models, outcomes),
        tasks=[models.keep_newest_loaded, *parent_watch_tasks(settings.supervisor)],
        health=lambda: models.health_facts() | outcomes.health_facts(),
        waits_for=models.waits_for,
    )


def build_http(
    settings: HttpSettings, resources: Resources, loader: ModelLoader | None = None, seal: Seal | None = None
) -> Service:
    """Predictions on request. `loader` (see `build_stream`) and `seal` replace those that the settings name."""
    models, outcomes = model_manager(resources, arm_loader(settings, loader))
    predictor = http_predictor(resources, models, seal or open_seal(settings))
    _set_bentoml_home(settings.data_folder)
    from penstock.server.web.app import build_app  # noqa: PLC0415 (the stream child must not import BentoML)

    return Service(
        followers=model_followers(resources, models, outcomes),
        app=build_app(predictor, resources.telemetry, resources.metrics),
        tasks=[models.keep_newest_loaded, *parent_watch_tasks(settings.supervisor)],
        health=lambda: models.health_facts() | outcomes.health_facts(),
        waits_for=models.waits_for,
    )


def arm_loader(settings: ModelSettings, loader: ModelLoader | None = None) -> ArmLoader:
    """What loads arms: with the loader that the settings name, in child processes; with another one in this process."""
    return ArmLoader(open_loader(settings), ModelProcesses()) if loader is None else ArmLoader(loader)


def model_followers(resources: Resources, models: ModelManager, outcomes: OutcomeFollower) -> list[Follower]:
    """What a process with models reads whole: epochs, which streams end, refusals, and what models learn from."""
    return [
        resources.follow(MODELS, models.add_epoch),
        resources.follow(STREAMS, models.add_stream),
        resources.follow(ALERTS, models.add_alert),
        outcomes,
    ]


def model_manager(
    resources: Resources, loader: ArmLoader, patience: float | None = PATIENCE
) -> tuple[ModelManager, OutcomeFollower]:
    """The models that serve in this process, and the follower that brings outcomes to them."""

    async def publish(alert: Alert) -> None:
        await resources.publisher.publish([output(ALERTS, alert, key=alert.stream)])

    epochs = Epochs()
    outcomes = OutcomeFollower(resources.log, resources.namespace, resources.streams, epochs.learners)
    alerts = AlertQueue(publish)
    set_epoch = resources.metrics.set_epoch
    return ModelManager(epochs, loader, resources.streams, outcomes, alerts, set_epoch, patience), outcomes


def http_predictor(resources: Resources, models: ModelManager, seal: Seal) -> Predictor:
    """What predicts over HTTP in this process."""
    writer = LogWriter(resources.publisher, RECEIVED, WriteLimits())
    log = AnswerLog(writer, resources.namespace, resources.telemetry, resources.metrics.count_unconfirmed)
    count = resources.metrics.streams.count_predictions
    return Predictor(models, resources.streams, log, seal, resources.clock, CODE, count)


def _set_bentoml_home(data_folder: Path) -> None:
    """BentoML writes into its home, which it makes when it is imported."""
    os.environ.setdefault("BENTOML_HOME", str(data_folder.absolute() / "bentoml"))
