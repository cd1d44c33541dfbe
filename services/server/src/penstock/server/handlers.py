"""The stream scorer: every event becomes a prediction, on the partition it came from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import repeat
from typing import Any

from msgspec import UNSET

from penstock.contracts.batch import Batch, Outputs
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.codecs.sealed_answer import decode_answer, split_answer
from penstock.contracts.operation_header import operation_digests, operation_headers
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction, PredictionData
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import PREDICTIONS
from penstock.server.models.manager import ModelManager
from penstock.server.scoring.batch_predictor import BatchPredictor, CountPredictions
from penstock.server.scoring.event_order import fill_gaps, in_event_order
from penstock.server.scoring.external_predictions import external_record, is_answered_here, with_external_shadows
from penstock.server.scoring.notable_answers import NotableAnswers
from penstock.server.scoring.prediction_batch import PredictionBatch


class UnitScorer:
    """Predicts the events of a partition that was assigned to this process; before the first it brings its models up to
    those of the process that had the partition before.
    """

    def __init__(self, scorer: StreamScorer, models: ModelManager) -> None:
        self._scorer = scorer
        self._models = models
        self._has_begun = False

    async def score(self, batch: Batch[Event[Any]]) -> list[Outputs[Prediction]]:
        """See `StreamScorer.score`."""
        if not self._has_begun:
            await self._models.take_over(batch.required_stream.name)
            self._has_begun = True
        return await self._scorer.score(batch)


class StreamScorer:
    """Predicts events; `code` is the version of this package, which every prediction names.

    `count` is called with the predictions that were made, as `BatchPredictor` says.
    """

    def __init__(self, models: ModelManager, code: str, count: CountPredictions) -> None:
        self._models = models
        self._code = code
        self._count = count
        self._predictor = BatchPredictor(models, "stream", code, count)
        self._notable = NotableAnswers()

    async def score(self, batch: Batch[Event[Any]]) -> list[Outputs[Prediction]]:
        """A prediction for each event of a batch but imported history, all under one epoch.

        What HTTP has answered, and what was predicted outside, is recorded as it is.

        Raises:
            NoModel: no model serves the stream yet; the batch is tried again.
        """
        indices: Sequence[int] = range(len(batch.records))
        if any(event.label is not UNSET for event in batch.records):
            indices = [index for index in indices if not batch.records[index].is_history]
        if not indices:
            return []
        declared, events = batch.required_stream, [batch.records[index] for index in indices]
        await self._models.load_newest(declared.name)
        notable: dict[int, str] = {}
        if is_answered_here(declared, self._predictor.serving(declared)):
            predictions = await self._predict_or_record(declared, events, notable)
        else:
            predictions = await self._record_external(declared, events)
        keys = [batch.raw[index].key for index in indices]
        headers = operation_headers(operation_digests(batch.raw, indices))
        return [Outputs(PREDICTIONS, declared.name, predictions, keys, batch.partition, indices, headers, notable)]

    async def _record_external(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> Sequence[bytes]:
        """The predictions that events carry; those without, as before the model was declared external, get ours."""
        serving = self._predictor.serving(declared)
        shadows = await self._predictor.shadow_answers(
            declared, events, [serving.champion.version.version] * len(events)
        )
        records = [
            external_record(declared, event, serving.epoch, self._code, shadow)
            for event, shadow in zip(events, shadows or repeat(None), strict=False)
        ]
        others = [event for event, record in zip(events, records, strict=True) if record is None]
        self._count(declared.name, 0, "external", len(events) - len(others))
        return fill_gaps(records, await self._predict_or_record(declared, others, {}))

    async def _predict_or_record(
        self, declared: StreamDeclared, events: Sequence[Event[Any]], notable: dict[int, str]
    ) -> Sequence[bytes]:
        """The record of each event's prediction; `notable` gets those that are traced by rule."""
        rows = [row for row, event in enumerate(events) if event.answer is UNSET]
        unanswered = [events[row] for row in rows]
        predictions, found = await self._predict(declared, unanswered) if unanswered else ([], {})
        notable |= {rows[row]: rule for row, rule in found.items()}
        if len(unanswered) == len(events):
            return predictions
        answers = iter(await self._record_answers(declared, [event for event in events if event.answer is not UNSET]))
        return fill_gaps((None if event.answer is UNSET else next(answers) for event in events), predictions)

    async def _predict(
        self, declared: StreamDeclared, events: Sequence[Event[Any]]
    ) -> tuple[Sequence[bytes], dict[int, str]]:
        batches: Sequence[PredictionBatch]
        batches = await self._predictor.predict(declared, self._predictor.serving(declared), events)
        if declared.declaration.serving.external:
            batches = with_external_shadows(declared, batches, events)
        records = in_event_order(batches, partial(PredictionBatch.records, events=events))
        return records, self._notable.find(declared.name, batches)

    async def _record_answers(self, declared: StreamDeclared, events: Sequence[Event[Any]]) -> list[bytes]:
        """What HTTP predict answered, together with what the other models of a rollout would have."""
        answers = [_answer_of(event) for event in events]
        shadows = await self._predictor.shadow_answers(declared, events, [answer.version for answer in answers])
        for answer, shadow in zip(answers, shadows or (), strict=False):
            answer.shadow = shadow
        return [_answer_record(event, answer) for event, answer in zip(events, answers, strict=True)]


def _answer_of(event: Event[Any]) -> PredictionData:
    """The answer that HTTP predict gave; the validator has checked its seal."""
    assert event.answer is not UNSET
    return decode_answer(split_answer(event.answer)[1])


def _answer_record(event: Event[Any], answer: PredictionData) -> bytes:
    return encode(Prediction(source=event.source + PREDICTION_SUFFIX, id=event.id, time=event.time, data=answer))
