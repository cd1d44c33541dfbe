"""Finds an answer by the id of its event: the prediction, the event itself, its outcome, and answers before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.bus.ports import Log
from penstock.console.lineage.archived_answers import ArchivedAnswers
from penstock.console.lineage.places import Placed, TopicReader, names
from penstock.contracts.records.events import Event
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.predictions import PREDICTION_SUFFIX, Prediction
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, OUTCOMES, PREDICTIONS

BLOCK = 50_000  # offsets of all partitions that are searched at a time, the newest first
EARLIER = 5  # answers to the same entity that are shown
FARTHEST = 200_000  # offsets before an answer in which earlier ones are looked for
NEAR = 2_000  # offsets around an answer in which its event lies at first, then ten times as many


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    """An answer of a stream with what belongs to it, as far as the log still has it.

    `outcomes` are the first and its corrections in order; `earlier` the answers before to the same entity, the newest
    first.
    """

    stream: StreamDeclared
    prediction: Placed[Prediction]
    event: Placed[Event[Any]] | None
    outcomes: Sequence[Placed[Outcome[Any]]]
    earlier: Sequence[Placed[Prediction]]


class AnswerSearch:
    """Searches one stream: of its topics what is not archived yet, and the `archive`, if there is one.

    All calls raise `TransientError` if the log does not answer.
    """

    def __init__(
        self, log: Log, namespace: str, stream: StreamDeclared, archive: ArchivedAnswers | None = None
    ) -> None:
        self._stream = stream
        self._archive = archive
        self._predictions = TopicReader(log, namespace, PREDICTIONS, stream)
        self._events: TopicReader[Event[Any]] = TopicReader(log, namespace, EVENTS, stream)
        self._outcomes: TopicReader[Outcome[Any]] = TopicReader(log, namespace, OUTCOMES, stream)

    async def find(self, event_id: str) -> FoundAnswer | None:
        """The newest answer to an event of this id; None if the log has none."""
        prediction = await self._newest(event_id)
        if prediction is None:
            return None
        event = await self._event_of(prediction)
        return FoundAnswer(
            self._stream, prediction, event, await self._outcomes_of(prediction), await self._earlier(prediction)
        )

    async def outcome_at(self, offset: int) -> Placed[Outcome[Any]] | None:
        """The outcome at an offset; None if the log has none, or no more."""
        return await self._outcomes.at(0, offset)

    async def _newest(self, event_id: str) -> Placed[Prediction] | None:
        """The answer that counts: the first by offset of those to the newest event of this id."""
        bounds = await self._not_archived(self._predictions)
        block = max(1, BLOCK // max(1, len(bounds)))
        while bounds:
            spans = {number: (max(begin, end - block), end) for number, (begin, end) in bounds.items()}
            found = [one async for one in self._predictions.read(spans, names(event_id)) if one.record.id == event_id]
            if found:
                return await self._first_like(max(found, key=lambda placed: placed.appended))
            bounds = {number: (bounds[number][0], start) for number, (start, _) in spans.items()}
            bounds = {number: span for number, span in bounds.items() if span[0] < span[1]}
        return await asyncio.to_thread(self._archive.prediction, event_id) if self._archive else None

    async def _not_archived(self, reader: TopicReader[Any]) -> dict[int, tuple[int, int]]:
        """The offsets of each partition that the topic has and the archive has not."""
        ends = self._archive.ends(reader.topic.short_name) if self._archive else {}
        spans = {
            number: (max(begin, ends.get(number, 0)), end) for number, (begin, end) in (await reader.bounds()).items()
        }
        return {number: span for number, span in spans.items() if span[0] < span[1]}

    async def _first_like(self, prediction: Placed[Prediction]) -> Placed[Prediction]:
        """The same record where it was first written: repeated work writes it again soon after."""
        place = prediction.place
        begin, _ = (await self._predictions.bounds())[place.partition]
        span = {place.partition: (max(begin, place.offset - NEAR), place.offset)}
        async for one in self._predictions.read(span, names(prediction.record.id)):
            if (one.record.source, one.record.id) == (prediction.record.source, prediction.record.id):
                return one
        return prediction

    async def _event_of(self, prediction: Placed[Prediction]) -> Placed[Event[Any]] | None:
        """The event came before its answer, in the same partition of its topic."""
        partition = prediction.place.partition
        bounds, stops = await self._events.bounds(), await self._events.offsets_after(prediction.appended)
        begin, end = bounds.get(partition, (0, 0))
        stop, step = min(stops.get(partition, end), end), NEAR
        source = prediction.record.source.removesuffix(PREDICTION_SUFFIX)
        while begin < stop:
            start = max(begin, stop - step)
            async for one in self._events.read({partition: (start, stop)}):
                if (one.record.source, one.record.id) == (source, prediction.record.id):
                    return one
            stop, step = start, step * 10
        return None

    async def _outcomes_of(self, prediction: Placed[Prediction]) -> list[Placed[Outcome[Any]]]:
        """The outcome comes after the answer; of several the first counts, and corrections of a higher revision."""
        starts = await self._outcomes.offsets_after(prediction.appended - 1)
        spans = await self._not_archived(self._outcomes)
        later = {number: (max(begin, starts.get(number, end)), end) for number, (begin, end) in spans.items()}
        event_id, entity = prediction.record.id, prediction.record.data.entity
        archived = await asyncio.to_thread(self._archive.outcomes, event_id) if self._archive else []
        found: list[Placed[Outcome[Any]]] = []
        for one in [*archived, *[new async for new in self._outcomes.read(later, names(event_id))]]:
            is_its = (one.record.id, one.record.data.entity) == (event_id, entity)
            if is_its and (not found or one.record.data.revision > found[-1].record.data.revision):
                found.append(one)
        return found

    async def _earlier(self, prediction: Placed[Prediction]) -> list[Placed[Prediction]]:
        """The newest answers before, looked for so many offsets back, ten times as many at each step."""
        entity, partition, stop = prediction.record.data.entity, prediction.place.partition, prediction.place.offset
        if entity is None:
            return []
        begin, _ = (await self._not_archived(self._predictions)).get(partition, (stop, stop))
        begin = max(begin, stop - FARTHEST)
        found: dict[str, Placed[Prediction]] = {}
        step = NEAR
        while begin < stop and len(found) <= EARLIER:
            start = max(begin, stop - step)
            span = {partition: (start, stop)}
            older = [
                one async for one in self._predictions.read(span, names(entity)) if one.record.data.entity == entity
            ]
            found = {one.record.id: one for one in [*found.values(), *reversed(older)]}
            stop, step = start, step * 10
        if self._archive and len(found) <= EARLIER:
            before = await asyncio.to_thread(self._archive.earlier, entity, partition, stop, EARLIER + 1)
            found = {one.record.id: one for one in [*found.values(), *before]}
        found.pop(prediction.record.id, None)
        return list(found.values())[:EARLIER]
