"""What served a stream at a time or at a record: by the epochs that the answers themselves name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from penstock.bus.ports import Log
from penstock.console.failure import wrong_input
from penstock.console.lineage.places import Place, Placed, TopicReader, names
from penstock.contracts.records.events import Event
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, MODELS, OUTCOMES, PREDICTIONS

PLACES = ("predictions", "outcomes", "events", "models")


@dataclass(frozen=True, slots=True)
class ServedEpoch:
    """An epoch, and the partitions in which it answered, each with the record that shows it; none: by its own time."""

    epoch: Placed[ModelEpoch]
    shown_by: Sequence[Place]


@dataclass(frozen=True, slots=True)
class EpochSpan:
    """An epoch, and when the log took the first answer of it or of a later one; None: there is none, or no more."""

    epoch: Placed[ModelEpoch]
    first_answer: int | None


class ServedModels:
    """Asks the log which epochs of a stream have served.

    Raises:
        TransientError: the log does not answer.
    """

    def __init__(self, log: Log, namespace: str, stream: StreamDeclared) -> None:
        self._stream = stream
        self._predictions = TopicReader(log, namespace, PREDICTIONS, stream)
        self._outcomes: TopicReader[Any] = TopicReader(log, namespace, OUTCOMES, stream)
        self._events: TopicReader[Event[Any]] = TopicReader(log, namespace, EVENTS, stream)
        self._models = TopicReader(log, namespace, MODELS)

    async def epochs(self) -> Mapping[int, Placed[ModelEpoch]]:
        """All epochs of the stream, by number."""
        return {
            placed.record.epoch: placed
            async for placed in self._models.read_all()
            if placed.record.stream == self._stream.name
        }

    async def at_time(self, time: datetime) -> list[ServedEpoch]:
        """The epochs of the last answers that the log took up to a time, the newest last.

        There are several at a border: an epoch comes into force in one partition after the other. Where the log has no
        answer of then, it is the newest epoch by its own time.
        """
        appended = int(time.timestamp() * 1000)
        shown: dict[int, list[Place]] = {}
        for partition, offset in (await self._predictions.offsets_after(appended)).items():
            last = await self._predictions.last_before(partition, offset)
            if last is not None:
                shown.setdefault(last.record.data.epoch, []).append(last.place)
        epochs = await self.epochs()
        if not shown:
            before = [epoch for epoch in epochs.values() if epoch.appended <= appended]
            return [ServedEpoch(before[-1], ())] if before else []
        return [ServedEpoch(epochs[number], shown[number]) for number in sorted(shown) if number in epochs]

    async def at_place(self, place: Place) -> ServedEpoch:
        """The epoch that the record at a place is of, or that its event was answered under.

        Raises:
            ConsoleFailure: no such record is on the log, or it names no epoch.
        """
        number = await self._epoch_at(place)
        epochs = await self.epochs()
        if number not in epochs:
            raise wrong_input(f"{place} names epoch {number}, which {self._stream.name} does not have")
        return ServedEpoch(epochs[number], (place,))

    async def spans(self, last: int) -> list[EpochSpan]:
        """The newest epochs, at most `last`, the oldest of them first, and when each began to answer."""
        epochs = [epoch for _, epoch in sorted((await self.epochs()).items())][-last:]
        firsts = [await self._first_answer(epoch) for epoch in epochs]
        return [
            EpochSpan(epoch, None if first is None else first.appended)
            for epoch, first in zip(epochs, firsts, strict=True)
        ]

    async def first_answer(self, number: int) -> Placed[Prediction] | None:
        """The first answer of an epoch, or of a later one; None while there is none, or the epoch is not on the log."""
        epoch = (await self.epochs()).get(number)
        return None if epoch is None else await self._first_answer(epoch)

    async def _first_answer(self, epoch: Placed[ModelEpoch]) -> Placed[Prediction] | None:
        bounds = await self._predictions.bounds()
        starts = await self._predictions.offsets_after(epoch.appended - 1)
        firsts = []
        for partition, (begin, end) in bounds.items():
            async for placed in self._predictions.read({partition: (max(begin, starts.get(partition, end)), end)}):
                if placed.record.data.epoch >= epoch.record.epoch:
                    firsts.append(placed)
                    break
        return min(firsts, key=lambda placed: placed.appended, default=None)

    async def _epoch_at(self, place: Place) -> int:
        match place.topic:
            case "predictions":
                return int((await self._found(self._predictions, place)).data.epoch)
            case "models":
                epoch = await self._found(self._models, place)
                if epoch.stream != self._stream.name:
                    raise wrong_input(f"{place} is an epoch of {epoch.stream}, not of {self._stream.name}")
                return int(epoch.epoch)
            case "outcomes":
                data = (await self._found(self._outcomes, place)).data
                if data.status == "imported":
                    raise wrong_input(f"{place} is imported history, which no model answered")
                return int(data.answer.epoch)
            case "events":
                return (await self._prediction_of(place)).data.epoch
        raise wrong_input(f"{place}: a record of {place.topic!r} names no epoch; of {', '.join(PLACES)} it does")

    async def _found(self, reader: TopicReader[Any], place: Place) -> Any:
        placed = await reader.at(place.partition, place.offset)
        if placed is None:
            raise wrong_input(f"{self._stream.name} has no record at {place}, or no more")
        return placed.record

    async def _prediction_of(self, place: Place) -> Prediction:
        """The first prediction of the event at a place: it follows in the same partition."""
        placed = await self._events.at(place.partition, place.offset)
        if placed is None:
            raise wrong_input(f"{self._stream.name} has no record at {place}, or no more")
        starts, bounds = await self._predictions.offsets_after(placed.appended - 1), await self._predictions.bounds()
        begin, end = bounds.get(place.partition, (0, 0))
        span = {place.partition: (max(begin, starts.get(place.partition, end)), end)}
        async for answer in self._predictions.read(span, names(placed.record.id)):
            if answer.record.id == placed.record.id:
                return answer.record
        raise wrong_input(f"the event at {place} has no answer on the log")


def instant(milliseconds: int) -> datetime:
    """A time of the log, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
