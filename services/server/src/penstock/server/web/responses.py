"""What a client is told: the answer to each of its events, or why it is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import Struct

from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.problems import problem_of
from penstock.server.models.circuit_breaker import Arm


class ModelFacts(Struct):
    """Which model answers."""

    name: str
    version: int
    family: str
    digest: str


class Answer(Struct):
    """The answer to one event; `mode` says whether the log had confirmed it when it was given."""

    id: str
    source: str
    value: str | float
    probabilities: dict[str, float] | None
    model: ModelFacts
    epoch: int
    schema: int
    mode: Literal["durable", "fast"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What was found for each event of a request, in order: its answer, or why it is refused."""

    results: Sequence[Answer | Refusal]
    batch: bool

    def body(self) -> Any:
        """The reply, to be encoded.

        Raises:
            Problem: the only event was refused.
        """
        if self.batch:
            return [_refused(result) if isinstance(result, Refusal) else result for result in self.results]
        (only,) = self.results
        if isinstance(only, Refusal):
            raise problem_of(only)
        return only

    def encoded(self) -> bytes:
        """The reply as JSON.

        Raises:
            Problem: the only event was refused.
        """
        return _encode(self.body())


_encode = msgspec.json.Encoder().encode


class Teller:
    """Tells clients what a model answered."""

    def __init__(self, arm: Arm) -> None:
        self._facts = model_facts(arm)
        self._classes = arm.model.classes

    def tell(self, event: Event[Any], said: PredictionData) -> Answer:
        """The answer to an event."""
        rows = said.probabilities
        return Answer(
            event.id,
            event.source,
            said.value,
            None if rows is None else dict(zip(self._classes, rows, strict=True)),
            self._facts,
            said.epoch,
            said.schema,
            said.mode,
        )


def answers(
    tellers: Mapping[int, Teller], events: Sequence[Event[Any]], predictions: Sequence[PredictionData]
) -> list[Answer]:
    """The answers to events as clients see them; `tellers` by the version of their model."""
    return [tellers[said.version].tell(event, said) for event, said in zip(events, predictions, strict=True)]


def model_facts(arm: Arm) -> ModelFacts:
    """Which model answers."""
    version = arm.version
    return ModelFacts(version.name, version.version, version.family, version.digest)


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"id": refusal.id or None, **problem_of(refusal).body()}
