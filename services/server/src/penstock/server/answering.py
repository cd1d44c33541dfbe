"""From a model's answers to predictions that say everything about their origin."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import repeat
from typing import Any, Literal

from penstock.contracts.checks import canonical_class
from penstock.contracts.columns import columns_of, times_of
from penstock.contracts.declaration import Declaration
from penstock.contracts.events import Event
from penstock.contracts.predictions import PredictionData
from penstock.contracts.streams import StreamDeclared
from penstock.ml.frame import Frame
from penstock.server.serving import Serving
from penstock.server.swapping import Models

Route = Literal["stream", "http"]


async def answers_to(
    models: Models, declared: StreamDeclared, events: Sequence[Event[Any]], code: str, route: Route
) -> tuple[Serving, list[PredictionData]]:
    """The answer to each of n events, all of one model under one epoch; `code` is our own version.

    Raises:
        NoModel: nothing serves the stream.
    """
    declaration = declared.declaration
    serving, answers = await models.answer(declared, frame_of(declaration, events))
    version = serving.version
    stamp = partial(
        PredictionData,
        model=version.name,
        version=version.version,
        digest=version.digest,
        epoch=serving.epoch,
        schema=declared.version,
        code=code,
        route=route,
        baseline=serving.baseline,
    )
    values: Sequence[str | float] = answers.values
    rows = repeat(None) if answers.probabilities is None else answers.probabilities.tolist()
    return serving, [
        stamp(value=value, probabilities=row, entity=entity)
        for value, row, entity in zip(values, rows, entities_of(declaration, events), strict=False)
    ]


def frame_of(declaration: Declaration, events: Sequence[Event[Any]]) -> Frame:
    """The events' fields as columns, with their times."""
    return Frame(columns_of(declaration, [event.data for event in events]), times_of([event.time for event in events]))


def entities_of(declaration: Declaration, events: Sequence[Event[Any]]) -> Sequence[str | None]:
    """Each event's entity as text, as `entity_of` says it, but looked up once for all of them."""
    if declaration.entity is None:
        return [None] * len(events)
    attribute = f"f{list(declaration.fields).index(declaration.entity)}"
    values = [getattr(event.data, attribute) for event in events]
    return [None if value is None or value == "" else canonical_class(value) for value in values]
