"""From a model's answers to predictions that say everything about their origin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any, Literal

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from penstock.contracts.checks import entities_of
from penstock.contracts.columns import table_of, times_of
from penstock.contracts.declaration import Declaration
from penstock.contracts.events import Event
from penstock.contracts.predictions import Attribution, Evidence, PredictionData
from penstock.contracts.streams import StreamDeclared
from penstock.ml.frame import Block, Frame
from penstock.server.serving import Serving
from penstock.server.swapping import Models

Route = Literal["stream", "http"]


@dataclass(frozen=True)
class Answered:
    """What one model answered to n events under one epoch."""

    serving: Serving
    attribution: Attribution
    values: Sequence[str] | Sequence[float]
    entities: Sequence[str | None]
    probabilities: list[list[float]] | None
    evidence: Evidence | None = None

    def predictions(self) -> list[PredictionData]:
        """The answers one by one."""
        stamp = partial(PredictionData, **asdict(self.attribution))
        rows = self.probabilities or repeat(None)
        values: Sequence[str | float] = self.values
        evidence = self.evidence or Evidence()
        known: Iterable[list[float | None] | UnsetType] = evidence.known or repeat(UNSET)
        experts: Iterable[list[float] | UnsetType] = evidence.experts or repeat(UNSET)
        return [
            stamp(value=value, entity=entity, probabilities=row, known=features, experts=said)
            for value, entity, row, features, said in zip(values, self.entities, rows, known, experts, strict=False)
        ]


async def answers_to(
    models: Models, declared: StreamDeclared, events: Sequence[Event[Any]], code: str, route: Route
) -> Answered:
    """The answers to n events, all of one model under one epoch; `code` is our own version.

    Raises:
        NoModel: nothing serves the stream.
    """
    declaration = declared.declaration
    entities = entities_of(declaration, events)
    serving, said = await models.answer(declared, frame_of(declaration, events), entities)
    version, likelihoods = serving.version, said.answers.probabilities
    attribution = Attribution(
        model=version.name,
        version=version.version,
        digest=version.digest,
        epoch=serving.epoch,
        schema=declared.version,
        code=code,
        route=route,
        baseline=serving.baseline,
        learnt_to=UNSET if said.learnt_to is None else said.learnt_to,
    )
    rows = None if likelihoods is None else likelihoods.tolist()
    return Answered(serving, attribution, said.answers.values, entities, rows, said.evidence)


def frame_of(declaration: Declaration, events: Sequence[Event[Any]]) -> Frame:
    """The events' fields as columns, with their times, which few models ask for."""
    table = table_of(declaration, [event.data for event in events])
    block = Block(table.names, table.matrix)
    return Frame.of_block(block, table.categories, lambda: times_of([event.time for event in events]))
