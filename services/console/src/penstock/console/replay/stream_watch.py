"""What the log holds of one stream: its predictions and rejections, epochs, drifts, training runs and statistics."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from penstock.bus.ports import FetchedBatch, Log, Reader, TopicPartition
from penstock.console.log_client import POLL_S, read_until
from penstock.contracts.batch import Unreadable
from penstock.contracts.first_by_offset import FirstByOffset
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import DRIFT, MODELS, PREDICTIONS, REJECTED, STATISTICS, TRAINING_RUNS, Topic

TOPICS: tuple[Topic[Any], ...] = (PREDICTIONS, REJECTED, MODELS, DRIFT, TRAINING_RUNS, STATISTICS)


class WatchedPrediction(NamedTuple):
    """A prediction as far as a replay needs it: its value, and the epoch of the model that made it."""

    value: str | float
    epoch: int


class StreamWatch:
    """Follows one stream on the log from its beginning, and keeps what it read.

    Attributes:
        predictions: by the id of the event; of several, the first by offset.
        rejections: the code of the refusal, by the id of the rejected event or label.
        epochs: by number.
        training_runs: by the id of the record.
        drifts: in the order of the log.
        statistics: the provisional ones, in the order of the log.
    """

    def __init__(self, log: Log, namespace: str, stream: StreamDeclared) -> None:
        self.stream = stream
        self.predictions: FirstByOffset[str, WatchedPrediction] = FirstByOffset()
        self.rejections: FirstByOffset[str, str] = FirstByOffset()
        self.epochs: FirstByOffset[int, ModelEpoch] = FirstByOffset()
        self.training_runs: FirstByOffset[str, TrainingRun] = FirstByOffset()
        self.drifts: list[Drift] = []
        self.statistics: list[Statistics] = []
        self._log = log
        self._topics = {
            topic.name(namespace, stream.name if topic.plane == "data" else None): topic for topic in TOPICS
        }
        self._partitions: list[TopicPartition] = [
            (name, number) for name, topic in self._topics.items() for number in range(topic.partitions(stream))
        ]
        self._reader: Reader | None = None

    async def start(self) -> None:
        """Start at the beginning of the log, and read everything up to now."""
        self._reader = await self._log.reader(dict.fromkeys(self._partitions, 0))
        await self.read_to_end()

    async def poll(self) -> None:
        """Read what is there, without waiting."""
        self._apply(await self._started_reader.poll(0.0))

    async def read_to_end(self) -> None:
        """Read everything up to now."""
        reader, ends = self._started_reader, await self._log.end_offsets(self._partitions)
        while await reader.is_behind(ends):
            self._apply(await reader.poll(POLL_S))

    async def await_answers(self, ids: Collection[str]) -> None:
        """Read until each of the events has a prediction or a rejection."""
        await read_until(self._started_reader, self._apply, lambda: not self.unanswered(ids))

    async def close(self) -> None:
        """Stop following."""
        if self._reader is not None:
            await self._reader.close()

    def unanswered(self, ids: Collection[str]) -> list[str]:
        """The ids of the events that have neither a prediction nor a rejection yet."""
        return [
            record_id for record_id in ids if record_id not in self.predictions and record_id not in self.rejections
        ]

    @property
    def newest_epoch(self) -> int:
        """The number of the newest epoch, -1 before the first."""
        return max(self.epochs, default=-1)

    @property
    def _started_reader(self) -> Reader:
        assert self._reader is not None, "the watch was not started"
        return self._reader

    def _apply(self, batches: Iterable[FetchedBatch]) -> None:
        for batch in batches:
            topic = self._topics[batch.topic]
            for record in topic.decoder(self.stream)(batch.records):
                if not isinstance(record, Unreadable):
                    self._apply_record(record)

    def _apply_record(self, record: Any) -> None:
        match record:
            case Prediction():
                self.predictions.add(record.id, WatchedPrediction(record.data.value, record.data.epoch))
            case Rejection():
                self.rejections.add(record.data.id, record.data.code)
            case ModelEpoch() if record.stream == self.stream.name:
                self.epochs.add(record.epoch, record)
            case Drift() if record.stream == self.stream.name:
                self.drifts.append(record)
            case TrainingRun() if record.stream == self.stream.name:
                self.training_runs.add(record.id, record)
            case Statistics() if record.stream == self.stream.name and record.clock == "provisional":
                self.statistics.append(record)
