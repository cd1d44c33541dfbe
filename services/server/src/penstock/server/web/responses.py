"""The JSON of a predict response: for each event its prediction, or why it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
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
from penstock.server.scoring.row_slices import encode_in_turns, rows_at_a_time


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
            return list(self._items())
        (result,) = self.results
        if isinstance(result, Refusal):
            raise problem_of(result)
        return result

    async def to_json(self) -> bytes:
        """The response as JSON.

        Raises:
            Problem: the only event was refused.
        """
        if not self.is_array:
            return _encode(self.body())
        return b"[%b]" % b",".join(await encode_in_turns(self._items(), _encode))

    def _items(self) -> Iterator[Any]:
        return (_refusal_body(result) if isinstance(result, Refusal) else result for result in self.results)


_encode = msgspec.json.Encoder().encode


async def event_responses(result: PredictResult) -> list[EventResponse | Refusal]:
    """The response to each event of a request."""
    writers = {version: _ResponseWriter(arm) for version, arm in result.arms.items()}
    most = rows_at_a_time(max((writer.cells for writer in writers.values()), default=0))
    pairs = list(zip(result.events, result.predictions, strict=True))
    responses: list[EventResponse | Refusal] = []
    for start in range(0, len(pairs), most):
        if start:
            await asyncio.sleep(0)
        responses += [
            prediction if isinstance(prediction, Refusal) else writers[prediction.version].response(event, prediction)
            for event, prediction in pairs[start : start + most]
        ]
    return responses


class _ResponseWriter:
    """Writes the responses of one arm."""

    def __init__(self, arm: Arm) -> None:
        self._model = model_facts(arm)
        self._classes = arm.model.classes
        self.cells = len(self._classes)

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
