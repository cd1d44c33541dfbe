"""A log with records of a stream's trainings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics
from penstock.contracts.batch import output
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import Dataset, Evaluation, Score, TrainingRequest, TrainingRun
from penstock.contracts.topics import Topic

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def envelope(stream: str) -> dict[str, Any]:
    """The fields that all control records have."""
    return {"source": "s", "time": NOW, "stream": stream}


def training_request(stream: str, fence: int) -> TrainingRequest:
    return TrainingRequest(**envelope(stream), id=f"{stream}{fence}", fence=fence, reason="first", until=500)


def finished_run(request: TrainingRequest) -> TrainingRun:
    """A run that scored 0.8 on its holdout, 0.03 better than the champion."""
    score = Score(value=0.8, low=0.7, high=0.9, rows=100)
    return TrainingRun(
        **envelope(request.stream), id="run", request=request.id, fence=request.fence, status="finished",
        reason="first", until=500, dataset=Dataset(segments=(), schema_version=1, rows=480), cpu_seconds=2.5,
        evaluation=Evaluation(
            metric="accuracy", candidate=score, champion=score, baseline=score,
            gain=Score(value=0.03, low=0.01, high=0.05, rows=100),
        ),
    )  # fmt: skip


def promotion(request: TrainingRequest) -> ModelEpoch:
    """The epoch in which the request's model became champion."""
    champion = ModelVersion(
        name=request.stream, version=1, family="linear", digest="d", envelope={}, run=request.id, schema_version=1
    )
    return ModelEpoch(**envelope(request.stream), id="epoch", epoch=1, champion=champion, reason="promotion")


async def log_with(*records: tuple[Topic[Any], Any]) -> MemoryLog:
    """A log with these records on their topics."""
    log = MemoryLog(lambda: 0)
    await log.create(control_topics("penstock"))
    await Publisher(log, "penstock", Streams()).publish(
        [output(topic, record, key=getattr(record, "stream", "")) for topic, record in records]
    )
    return log
