"""The report of a replay: figures over distinct ids, from what the log holds."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.console.record_refusal import RefusalReason
from penstock.console.replay.report.report import Report, RunMeasurements, make_report
from penstock.console.replay.report.scores import BlockScore
from penstock.console.replay.rows.labelled_rows import Row
from penstock.console.replay.rows.refusal_counts import RefusalCounts
from penstock.console.replay.rows.row_labels import RowLabels
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.batch import Outputs
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.predictions import Prediction, PredictionData
from penstock.contracts.records.rejections import Rejection, RejectionData
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import DRIFT, MODELS, PREDICTIONS, REJECTED, TRAINING_RUNS

from .declared_stream import NOW, STREAM

ENVELOPE: dict[str, Any] = {"source": "test", "time": NOW}


def labelled_rows(count: int) -> RowLabels:
    """Rows `e0`, `e1`, … whose label is `a`."""
    rows = RowLabels()
    rows.add([Row(number, f"e{number}", NOW, None, b"", "a") for number in range(count)])
    return rows


class StreamLog:
    """A log with records of one stream."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        streams = Streams()
        streams.apply(STREAM)
        self._publisher = Publisher(self.log, "penstock", streams)

    async def add_prediction(self, record_id: str, value: str, epoch: int) -> None:
        """A prediction."""
        data = PredictionData(value=value, model="s", version=1, digest="d", epoch=epoch, schema=1, code="1")
        await self._write(PREDICTIONS, Prediction(source="test#prediction", id=record_id, time=NOW, data=data), "s")

    async def add_rejection(self, record_id: str) -> None:
        """A rejected event."""
        data = RejectionData(kind="event", id=record_id, code="wrong_type", detail="", original="")
        await self._write(REJECTED, Rejection(source="test#rejected", id=f"r-{record_id}", time=NOW, data=data), "s")

    async def add_epoch(self, epoch: int, stream: str = "s") -> None:
        """An epoch."""
        version = ModelVersion(name=stream, version=epoch, family="linear", digest="d", envelope={}, schema_version=1)
        reason: Literal["promotion", "baseline"] = "promotion" if epoch else "baseline"
        record = ModelEpoch(id=f"m{epoch}", stream=stream, epoch=epoch, champion=version, reason=reason, **ENVELOPE)
        await self._write(MODELS, record)

    async def add_run(self, record_id: str, status: str, cpu: float = 0.0, **more: Any) -> None:
        """A record of a training run."""
        run = {"id": record_id, "stream": "s", "request": "q", "fence": 0, "status": status, "reason": "first"}
        run |= {"until": 1, "cpu_seconds": cpu} | more
        await self._write(TRAINING_RUNS, TrainingRun.model_validate(ENVELOPE | run))

    async def add_drift(self, record_id: str, event: str, stream: str = "s") -> None:
        """A drift."""
        fields: dict[str, Any] = {"kind": "concept", "detector": "adwin", "statistic": 1, "threshold": 1, "epoch": 0}
        fields |= {"id": record_id, "stream": stream, "status": "suspected", "outcomes": 1}
        await self._write(DRIFT, Drift.model_validate(ENVELOPE | fields | {"event_source": "test", "event_id": event}))

    async def _write(
        self, topic: Any, record: ControlRecord | Prediction | Rejection, stream: str | None = None
    ) -> None:
        await self.log.create([*control_topics("penstock"), *stream_topics("penstock", STREAM)])
        await self._publisher.publish([Outputs(topic, stream, [record], [None])])

    async def watch(self) -> StreamWatch:
        """A watch of the stream that has read it all."""
        watch = StreamWatch(self.log, "penstock", STREAM)
        await watch.start()
        return watch


async def test_counts_are_of_distinct_ids_of_this_run() -> None:
    log = StreamLog()
    for record_id in ("e0", "e0", "e1", "elsewhere"):
        await log.add_prediction(record_id, "a", 0)
    for record_id in ("e2", "e2", "elsewhere-2"):
        await log.add_rejection(record_id)
    refusals = RefusalCounts()
    refusals.add("event", 9, RefusalReason("invalid_time", "time", "in the future"))
    report = make_report(await log.watch(), labelled_rows(10), RunMeasurements(2.0, 3, refusals, labels=2))
    assert (report.events, report.predicted, report.rejected, report.accepted) == (10, 2, 2, 8)
    assert (report.labels, report.failed_requests, report.events_per_s) == (2, 3, 5.0)
    assert not report.enough_accepted


async def test_the_first_prediction_of_an_event_counts() -> None:
    log = StreamLog()
    await log.add_prediction("e1", "a", 0)
    await log.add_prediction("e1", "b", 1)
    report = make_report(await log.watch(), labelled_rows(2), RunMeasurements(1.0, 0))
    assert report.score == 1.0


async def test_epochs_and_drifts_have_the_numbers_of_their_rows() -> None:
    log = StreamLog()
    for epoch in (0, 1, 2):
        await log.add_epoch(epoch)
    await log.add_epoch(7, stream="other")
    for row, epoch in ((3, 1), (2, 1), (0, 0), (1, 0)):
        await log.add_prediction(f"e{row}", "a", epoch)
    await log.add_drift("d1", "e3")
    await log.add_drift("d2", "e1", stream="other")
    report = make_report(await log.watch(), labelled_rows(4), RunMeasurements(1.0, 0))
    assert [(line.epoch, line.at_event, line.reason) for line in report.epochs] == [
        (0, 0, "baseline"),
        (1, 2, "promotion"),
        (2, None, "promotion"),
    ]
    assert [(line.at_event, line.detector) for line in report.drifts] == [(3, "adwin")]


async def test_every_training_that_began_counts_whatever_came_of_it() -> None:
    log = StreamLog()
    await log.add_run("r1-started", "started")
    await log.add_run("r1-started", "started")
    await log.add_run("r1-finished", "finished", cpu=1.5)
    await log.add_run("r2-started", "started")
    await log.add_run("r2-failed", "failed", cpu=0.25)
    report = make_report(await log.watch(), labelled_rows(1), RunMeasurements(1.0, 0))
    assert (report.retrains, report.training_seconds) == (2, 1.75)


@pytest.mark.parametrize(
    ("calibration", "text"),
    [
        (None, None),
        ({"scale": 0.8, "biases": {"no": 0.25, "yes": -0.25}}, "scale 0.80, biases no +0.25, yes -0.25"),
        ({"scale": 1.25, "biases": dict.fromkeys("abcd", 0.1) | {"e": -0.3}}, "scale 1.25, biases -0.30 to +0.10"),
    ],
)
async def test_a_training_says_how_its_candidate_is_calibrated(calibration: Any, text: str | None) -> None:
    score = {"value": 0.5, "rows": 50}
    scores = dict.fromkeys(("candidate", "champion", "baseline", "gain"), score)
    log = StreamLog()
    await log.add_run("r1", "finished", evaluation={"metric": "accuracy", **scores, "calibration": calibration})
    report = make_report(await log.watch(), labelled_rows(1), RunMeasurements(1.0, 0))
    assert [line.calibration for line in report.trainings] == [text]


async def test_the_report_has_the_score_of_each_block_of_rows() -> None:
    log = StreamLog()
    for row in range(240):
        await log.add_prediction(f"e{row}", "b" if 100 <= row < 200 else "a", 0)
    report = make_report(await log.watch(), labelled_rows(250), RunMeasurements(1.0, 0))
    assert report.progress == [BlockScore(0, 1.0, 1.0), BlockScore(100, 0.0, 1.0), BlockScore(200, 1.0, 1.0)]


async def test_the_keys_of_the_written_report(tmp_path: Path) -> None:
    log = StreamLog()
    await log.add_epoch(0)
    report = make_report(await log.watch(), labelled_rows(1), RunMeasurements(1.0, 0))
    report.write(tmp_path / "new" / "report.json", planted_at=5)
    names = [field.name for field in fields(Report)]
    written = json.loads((tmp_path / "new" / "report.json").read_text())
    assert list(written) == [*names, "planted_at"]
    assert {"metric", "score", "metrics", "baseline", "warmup", "progress"} <= set(names)
    assert {"epoch", "model", "family", "reason", "at_event", "score"} <= set(written["epochs"][0])
