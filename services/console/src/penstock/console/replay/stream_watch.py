"""What the log says of one stream: every answer and refusal, each epoch, drift and training run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from penstock.bus.ports import FetchedBatch, Log, Reader, TopicPartition
from penstock.contracts.batch import Unreadable
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Drift, Statistics
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.rejections import Rejected
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import DRIFT, MODELS, PREDICTIONS, REJECTED, STATISTICS, TRAINING_RUNS, Topic

WATCHED: tuple[Topic[Any], ...] = (PREDICTIONS, REJECTED, MODELS, DRIFT, TRAINING_RUNS, STATISTICS)


class StreamWatch:
    """Follows one stream on the log from its beginning, and remembers what it saw.

    The first prediction of an id counts, as everywhere. `answers` maps an event's id to (value, epoch).
    """

    def __init__(self, log: Log, namespace: str, stream: StreamDeclared) -> None:
        self.stream = stream
        self.answers: dict[str, tuple[str | float, int]] = {}
        self.rejected: dict[str, str] = {}
        self.epochs: dict[int, ModelEpoch] = {}
        self.drifts: list[Drift] = []
        self.runs: dict[str, TrainingRun] = {}
        self.statistics: list[Statistics] = []
        self._log = log
        self._topics = {topic.name(namespace, _stream_of(topic, stream)): topic for topic in WATCHED}
        self._reader: Reader | None = None

    async def start(self) -> None:
        """Read everything there is so far."""
        starts: dict[TopicPartition, int | None] = {
            (name, number): 0 for name, topic in self._topics.items() for number in range(topic.partitions(self.stream))
        }
        self._reader = await self._log.reader(starts)
        self._note(await self._reader.read_to_end())

    async def look(self, wait: float = 0.0) -> None:
        """Take in what came since, waiting at most `wait` seconds for it."""
        assert self._reader is not None
        self._note(await self._reader.poll(wait))

    async def catch_up(self) -> None:
        """Take in everything up to now."""
        assert self._reader is not None
        self._note(await self._reader.read_to_end())

    async def close(self) -> None:
        """Stop following."""
        if self._reader is not None:
            await self._reader.close()

    def unanswered(self, ids: Collection[str]) -> list[str]:
        """Those of the ids that have neither a prediction nor a rejection yet."""
        return [name for name in ids if name not in self.answers and name not in self.rejected]

    @property
    def epoch(self) -> int:
        """The newest epoch, -1 before the first."""
        return max(self.epochs, default=-1)

    def _note(self, fetched: Iterable[FetchedBatch]) -> None:
        for part in fetched:
            topic = self._topics[part.topic]
            for record in topic.decoder(self.stream)(part.records):
                if not isinstance(record, Unreadable):
                    self._remember(record)

    def _remember(self, record: Any) -> None:
        match record:
            case Prediction():
                self.answers.setdefault(record.id, (record.data.value, record.data.epoch))
            case ModelEpoch() if record.stream == self.stream.name:
                self.epochs.setdefault(record.epoch, record)
            case Drift() if record.stream == self.stream.name:
                self.drifts.append(record)
            case TrainingRun() if record.stream == self.stream.name:
                self.runs.setdefault(record.id, record)
            case Statistics() if record.stream == self.stream.name and record.clock == "provisional":
                self.statistics.append(record)
            case Rejected():
                self.rejected.setdefault(record.data.id, record.data.code)


def _stream_of(topic: Topic[Any], stream: StreamDeclared) -> str | None:
    return stream.name if topic.plane == "data" else None
