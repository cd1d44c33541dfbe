"""What a child of either kind does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from penstock.artifacts import Seal
from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state import State
from penstock.contracts.topics import EVENTS, MODELS
from penstock.runtime.service import Resources, Service
from penstock.server.handlers import Scorer
from penstock.server.orphaned import end_with
from penstock.server.parts import CODE, Parts, desk_of, lessons_of, models_of, parts_of, seal_of
from penstock.server.settings import HttpSettings, StreamSettings


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
    from penstock.server.api import build_app  # noqa: PLC0415 (the stream child must not import BentoML)

    return Service(
        followers=[resources.follow(MODELS, models.want), lessons],
        app=build_app(desk, resources.telemetry, resources.metrics),
        tasks=[models.keep_settled, *end_with(settings.supervisor)],
        health=lambda: models.facts() | lessons.facts(),
    )


def _keep_bentoml_in(data_folder: Path) -> None:
    """BentoML writes into its home, which it makes when it is imported."""
    os.environ.setdefault("BENTOML_HOME", str(data_folder.absolute() / "bentoml"))
