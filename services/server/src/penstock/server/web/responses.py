"""The JSON of a predict response: for each event its prediction, or why it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from msgspec import Struct

from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.refusals import Refusal
from penstock.runtime.http.problems import ProblemBody, problem_of
from penstock.server.models.arm import Arm
from penstock.server.scoring.predict_request import PredictResult


class ModelFacts(Struct):
    """The model that answered."""

    name: str
    version: int
    family: str
    digest: str


class EventResponse(Struct):
    """The prediction of one event; `mode` says whether the log had confirmed the event before the response."""

    id: str
    source: str
    value: str | float
    probabilities: dict[str, float] | None
    model: ModelFacts
    epoch: int
    schema: int
    mode: Literal["durable", "fast"]


class RefusedEvent(ProblemBody, kw_only=True):
    """Why an event of an array is refused."""

    id: str | None


@dataclass(frozen=True, slots=True)
class PredictResponse:
    """The response to each event of a request, in order; `is_array` when the events came as an array."""

    results: Sequence[EventResponse | Refusal]
    is_array: bool

    def body(self) -> Any:
        """The response, to be encoded.

        Raises:
            Problem: the only event was refused.
        """
        if self.is_array:
            return [_refusal_body(result) if isinstance(result, Refusal) else result for result in self.results]
        (result,) = self.results
        if isinstance(result, Refusal):
            raise problem_of(result)
        return result

    def to_json(self) -> bytes:
        """The response as JSON.

        Raises:
            Problem: the only event was refused.
        """
        return _encode(self.body())


_encode = msgspec.json.Encoder().encode


def event_responses(result: PredictResult) -> list[EventResponse | Refusal]:
    """The response to each event of a request."""
    writers = {version: _ResponseWriter(arm) for version, arm in result.arms.items()}
    return [
        prediction if isinstance(prediction, Refusal) else writers[prediction.version].response(event, prediction)
        for event, prediction in zip(result.events, result.predictions, strict=True)
    ]


class _ResponseWriter:
    """Writes the responses of one arm."""

    def __init__(self, arm: Arm) -> None:
        self._model = model_facts(arm)
        self._classes = arm.model.classes

    def response(self, event: Event[Any], prediction: PredictionData) -> EventResponse:
        row = prediction.probabilities
        return EventResponse(
            event.id,
            event.source,
            prediction.value,
            None if row is None else dict(zip(self._classes, row, strict=True)),
            self._model,
            prediction.epoch,
            prediction.schema,
            prediction.mode,
        )


def model_facts(arm: Arm) -> ModelFacts:
    """The model of an arm."""
    version = arm.version
    return ModelFacts(version.name, version.version, version.family, version.digest)


def _refusal_body(refusal: Refusal) -> dict[str, Any]:
    return {"id": refusal.id or None, **problem_of(refusal).body()}
