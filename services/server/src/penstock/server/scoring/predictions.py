"""From a model's answers to predictions that say everything about their origin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any, Literal, TypeVar

import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict
from numpy.typing import NDArray

from penstock.contracts.checks import entities_of
from penstock.contracts.columns import table_of, times_of
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import Attribution, PredictionData, PredictionDetails, ShadowAnswer
from penstock.contracts.records.streams import StreamDeclared
from penstock.ml.features.frame import Block, Frame
from penstock.ml.models.baseline import BASELINE
from penstock.server.models.circuit_breaker import Arm
from penstock.server.models.epochs import Serving
from penstock.server.models.manager import Models
from penstock.server.scoring.arms import Asked, Said

Route = Literal["stream", "http"]
T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    """What one model answered under one epoch to n events, which are those at `rows` of a batch, or all of it."""

    arm: Arm
    attribution: Attribution
    values: Sequence[str] | Sequence[float]
    entities: Sequence[str | None]
    probabilities: list[list[float]] | None
    evidence: PredictionDetails | None = None
    rows: NDArray[np.intp] | None = None

    def its(self, batch: Sequence[T]) -> Sequence[T]:
        """Of a batch its own part."""
        return batch if self.rows is None else [batch[row] for row in self.rows]

    def predictions(self) -> list[PredictionData]:
        """The answers one by one."""
        stamp = partial(PredictionData, **asdict(self.attribution))
        rows = self.probabilities or repeat(None)
        values: Sequence[str | float] = self.values
        evidence = self.evidence or PredictionDetails()
        known: Iterable[list[float | None] | UnsetType] = evidence.known or repeat(UNSET)
        experts: Iterable[list[float] | UnsetType] = evidence.experts or repeat(UNSET)
        shadows: Iterable[list[ShadowAnswer] | UnsetType] = evidence.shadow or repeat(UNSET)
        columns = zip(values, self.entities, rows, known, experts, shadows, strict=False)
        return [
            stamp(value=value, entity=entity, probabilities=row, known=features, experts=said, shadow=shadow)
            for value, entity, row, features, said, shadow in columns
        ]


async def answers_to(
    models: Models, declared: StreamDeclared, events: Sequence[Event[Any]], code: str, route: Route
) -> list[Answered]:
    """The answers to n events, each once, under one epoch: of one model, or of those that a trial has share them.

    `code` is our own version.

    Raises:
        NoModel: nothing serves the stream.
    """
    asked = asked_of(declared.declaration, events)
    serving, spoken = await models.answer(declared, asked)
    return [_answered(serving, said, asked.entities, declared.version, code, route) for said in spoken]


def _answered(
    serving: Serving, said: Said, entities: Sequence[str | None], schema: int, code: str, route: Route
) -> Answered:
    version, likelihoods = said.arm.version, said.answers.probabilities
    attribution = Attribution(
        model=version.name,
        version=version.version,
        digest=version.digest,
        epoch=serving.epoch,
        schema=schema,
        code=code,
        arm="challenger" if said.challenger else "champion",
        route=route,
        baseline=said.arm.model.family == BASELINE,
        learnt_to=UNSET if said.learnt_to is None else said.learnt_to,
        fallback=said.fallback or UNSET,
    )
    rows = None if likelihoods is None else likelihoods.tolist()
    own = entities if said.rows is None else [entities[row] for row in said.rows]
    return Answered(said.arm, attribution, said.answers.values, own, rows, said.evidence, said.rows)


def in_order(answered: Sequence[Answered], of: Callable[[Answered], Sequence[T]]) -> Sequence[T]:
    """What is made `of` each part, in the order of the batch."""
    if len(answered) == 1:
        return of(answered[0])
    places = np.concatenate([part.rows for part in answered if part.rows is not None])
    made = [one for part in answered for one in of(part)]
    return [made[place] for place in np.argsort(places)]


def asked_of(declaration: Declaration, events: Sequence[Event[Any]]) -> Asked:
    """The events as models are asked."""
    entities = entities_of(declaration, events)
    keys = [event.id if entity is None else entity for entity, event in zip(entities, events, strict=True)]
    return Asked(frame_of(declaration, events), entities, keys)


def frame_of(declaration: Declaration, events: Sequence[Event[Any]]) -> Frame:
    """The events' fields as columns, with their times, which few models ask for."""
    table = table_of(declaration, [event.data for event in events])
    block = Block(table.names, table.matrix)
    return Frame.of_block(block, table.categories, lambda: times_of([event.time for event in events]))
