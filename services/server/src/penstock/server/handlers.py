"""The stream scorer: every event becomes a prediction, on the partition it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.decoding import encode
from penstock.contracts.events import Event
from penstock.contracts.predictions import (
    PREDICTION_SUFFIX,
    Prediction,
    decode_answer,
    encode_predictions,
    split_answer,
)
from penstock.contracts.streams import StreamDeclared
from penstock.contracts.topics import PREDICTIONS
from penstock.server.answering import answers_to
from penstock.server.elsewhere import brought_by
from penstock.server.swapping import Models, NoModel


class Scorer:
    """Answers events. `code` is our own version, which every prediction names."""

    def __init__(self, models: Models, code: str) -> None:
        self._models = models
        self._code = code

    async def score(self, batch: Batch[Event[Any]]) -> list[Outputs[Prediction]]:
        """A prediction for each event, all under one epoch; what was answered over HTTP or elsewhere is recorded as it was.

        Raises:
            NoModel: nothing serves the stream yet; the batch is tried again.
        """
        declared, events = batch.declared, batch.records
        await self._models.settle(declared.name)
        record = self._recorded if declared.declaration.serving.external else self._answered
        predictions = await record(declared, events)
        keys = [raw.key for raw in batch.raw]
        return [Outputs(PREDICTIONS, declared.name, predictions, keys, batch.partition, range(len(predictions)))]

    async def _answered(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> list[bytes]:
        unanswered = [event for event in events if event.answer is UNSET]
        predictions = await self._computed(declared, unanswered) if unanswered else []
        if len(unanswered) == len(events):
            return predictions
        following = iter(predictions)
        return [next(following) if event.answer is UNSET else _given(event) for event in events]

    async def _recorded(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> list[bytes]:
        """What was predicted elsewhere; events taken in before that was declared bring nothing, and are answered."""
        serving = self._models.serving(declared.name)
        if serving is None:
            raise NoModel(f"no epoch of {declared.name} is in force yet")
        brought = brought_by(declared, events, serving.epoch, self._code)
        rest = [event for event, prediction in zip(events, brought, strict=True) if prediction is None]
        following = iter(await self._answered(declared, rest))
        return [next(following) if prediction is None else prediction for prediction in brought]

    async def _computed(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> list[bytes]:
        answered = await answers_to(self._models, declared, events, self._code, "stream")
        return encode_predictions(
            events, answered.attribution, answered.values, answered.entities, answered.probabilities, answered.evidence
        )


def _given(event: Event[Any]) -> bytes:
    """The answer that HTTP predict gave; the validator has checked its seal."""
    assert event.answer is not UNSET
    answer = decode_answer(split_answer(event.answer)[1])
    return encode(Prediction(source=event.source + PREDICTION_SUFFIX, id=event.id, time=event.time, data=answer))
