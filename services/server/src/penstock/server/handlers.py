"""The stream scorer: every event becomes a prediction, on the partition it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.decoding import encode
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import (
    PREDICTION_SUFFIX,
    Prediction,
    ShadowAnswer,
    decode_answer,
    encode_predictions,
    split_answer,
)
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import PREDICTIONS
from penstock.server.models.manager import Models, NoModel
from penstock.server.scoring.external_predictions import brought_by
from penstock.server.scoring.predictions import Answered, answers_to, asked_of, in_order


class Scorer:
    """Answers events. `code` is our own version, which every prediction names."""

    def __init__(self, models: Models, code: str) -> None:
        self._models = models
        self._code = code

    async def score(self, batch: Batch[Event[Any]]) -> list[Outputs[Prediction]]:
        """A prediction for each event, all under one epoch; what was answered over HTTP or elsewhere is recorded as it was.

        Imported history wants no answer.

        Raises:
            NoModel: nothing serves the stream yet; the batch is tried again.
        """
        asked = [place for place, event in enumerate(batch.records) if not event.is_history]
        if not asked:
            return []
        declared, events = batch.declared, [batch.records[place] for place in asked]
        await self._models.settle(declared.name)
        record = self._recorded if declared.declaration.serving.external else self._answered
        predictions = await record(declared, events)
        keys = [batch.raw[place].key for place in asked]
        return [Outputs(PREDICTIONS, declared.name, predictions, keys, batch.partition, asked)]

    async def _answered(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> Sequence[bytes]:
        unanswered = [event for event in events if event.answer is UNSET]
        predictions: Sequence[bytes] = await self._computed(declared, unanswered) if unanswered else []
        if len(unanswered) == len(events):
            return predictions
        given = iter(await self._given(declared, [event for event in events if event.answer is not UNSET]))
        following = iter(predictions)
        return [next(following) if event.answer is UNSET else next(given) for event in events]

    async def _recorded(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> Sequence[bytes]:
        """What was predicted elsewhere; events taken in before that was declared bring nothing, and are answered."""
        serving = self._models.serving(declared.name)
        if serving is None:
            raise NoModel(f"no epoch of {declared.name} is in force yet")
        brought = brought_by(declared, events, serving.epoch, self._code)
        rest = [event for event, prediction in zip(events, brought, strict=True) if prediction is None]
        following = iter(await self._answered(declared, rest))
        return [next(following) if prediction is None else prediction for prediction in brought]

    async def _computed(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> Sequence[bytes]:
        answered = await answers_to(self._models, declared, events, self._code, "stream")
        return in_order(answered, lambda part: _encoded(part, events))

    async def _given(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> list[bytes]:
        """What HTTP predict answered, with what shadows would have."""
        serving = self._models.serving(declared.name)
        trial = None if serving is None else serving.record.rollout
        if serving is None or trial is None or trial.mode != "shadow":
            return [_given(event) for event in events]
        shadows = await self._models.shadow(serving, asked_of(declared.declaration, events))
        return [_given(event, shadow) for event, shadow in zip(events, shadows, strict=True)]


def _encoded(answered: Answered, events: Sequence[Event[Any]]) -> list[bytes]:
    return encode_predictions(
        answered.its(events),
        answered.attribution,
        answered.values,
        answered.entities,
        answered.probabilities,
        answered.evidence,
    )


def _given(event: Event[Any], shadow: list[ShadowAnswer] | UnsetType = UNSET) -> bytes:
    """The answer that HTTP predict gave; the validator has checked its seal."""
    assert event.answer is not UNSET
    answer = decode_answer(split_answer(event.answer)[1])
    answer.shadow = shadow
    return encode(Prediction(source=event.source + PREDICTION_SUFFIX, id=event.id, time=event.time, data=answer))
