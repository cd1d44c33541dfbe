"""The stream scorer: every event becomes a prediction, on the partition it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.events import Event
from penstock.contracts.predictions import (
    PREDICTION_SUFFIX,
    Prediction,
    PredictionData,
    decode_answer,
    split_answer,
)
from penstock.contracts.streams import StreamDeclared
from penstock.contracts.topics import PREDICTIONS
from penstock.server.answering import answers_to
from penstock.server.swapping import Models


class Scorer:
    """Answers events. `code` is our own version, which every prediction names."""

    def __init__(self, models: Models, code: str) -> None:
        self._models = models
        self._code = code

    async def score(self, batch: Batch[Event[Any]]) -> list[Outputs[Prediction]]:
        """A prediction for each event, all under one epoch; what was answered over HTTP before is recorded as it was.

        Raises:
            NoModel: nothing serves the stream yet; the batch is tried again.
        """
        declared, events = batch.declared, batch.records
        await self._models.settle(declared.name)
        answers = await self._answers(declared, events)
        predictions = [
            Prediction(source=event.source + PREDICTION_SUFFIX, id=event.id, time=event.time, data=answer)
            for event, answer in zip(events, answers, strict=True)
        ]
        keys = [raw.key for raw in batch.raw]
        return [Outputs(PREDICTIONS, declared.name, predictions, keys, batch.partition, range(len(predictions)))]

    async def _answers(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> Sequence[PredictionData]:
        unanswered = [event for event in events if event.answer is UNSET]
        if not unanswered:
            return [_given(event) for event in events]
        _, computed = await answers_to(self._models, declared, unanswered, self._code, "stream")
        if len(unanswered) == len(events):
            return computed
        following = iter(computed)
        return [next(following) if event.answer is UNSET else _given(event) for event in events]


def _given(event: Event[Any]) -> PredictionData:
    """The answer that HTTP predict gave; the validator has checked its seal."""
    assert event.answer is not UNSET
    return decode_answer(split_answer(event.answer)[1])
