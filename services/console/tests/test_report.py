"""What a replay comes to: figures over distinct ids, from what the log holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.console.replay.report import Effort, ProgressLine, Truths, block_size, make_report, progress, score
from penstock.console.replay.stream_watch import StreamWatch
from penstock.contracts.batch import Outputs
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.predictions import Prediction, PredictionData
from penstock.contracts.records.rejections import Rejected, RejectedData
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import DRIFT, MODELS, PREDICTIONS, REJECTED, TRAINING_RUNS

NOW = datetime(2024, 1, 1, tzinfo=UTC)
ENVELOPE = {"source": "test", "time": NOW}
STREAM = StreamDeclared(
    id="s-1",
    version=1,
    declaration=Declaration.model_validate(
        {
            "name": "s",
            "task": "binary",
            "fields": {"x": {"type": "number"}},
            "label": {"name": "y", "classes": ["a", "b"]},
        }
    ),
    **ENVELOPE,
)


def sent(count: int) -> Truths:
    """Rows `e0`, `e1`, … of which each is an `a`."""
    return Truths({f"e{n}": n for n in range(count)}, {f"e{n}": "a" for n in range(count)})


class Past:
    """A log to which things have happened."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        streams = Streams()
        streams.apply(STREAM)
        self._publisher = Publisher(self.log, "penstock", streams)

    async def predicted(self, record_id: str, value: str, epoch: int) -> None:
        """An answer."""
        data = PredictionData(value=value, model="s", version=1, digest="d", epoch=epoch, schema=1, code="1")
        await self._write(PREDICTIONS, Prediction(source="test#prediction", id=record_id, time=NOW, data=data), "s")

    async def rejected(self, record_id: str) -> None:
        """A refusal."""
        data = RejectedData(kind="event", id=record_id, code="wrong_type", detail="", original="")
        await self._write(REJECTED, Rejected(source="test#rejected", id=f"r-{record_id}", time=NOW, data=data), "s")

    async def promoted(self, epoch: int, stream: str = "s") -> None:
        """A model that serves."""
        version = ModelVersion(name=stream, version=epoch, family="linear", digest="d", envelope={}, schema_version=1)
        reason = "promotion" if epoch else "baseline"
        record = ModelEpoch(id=f"m{epoch}", stream=stream, epoch=epoch, champion=version, reason=reason, **ENVELOPE)
        await self._write(MODELS, record)

    async def trained(self, record_id: str, status: str, cpu: float = 0.0) -> None:
        """A step of a training run."""
        run = {"id": record_id, "stream": "s", "request": "q", "fence": 0, "status": status, "reason": "first"}
        await self._write(TRAINING_RUNS, TrainingRun.model_validate(ENVELOPE | run | {"until": 1, "cpu_seconds": cpu}))

    async def drifted(self, record_id: str, event: str, stream: str = "s") -> None:
        """A detector that tipped."""
        said: dict[str, Any] = {"kind": "concept", "detector": "adwin", "statistic": 1, "threshold": 1, "epoch": 0}
        said |= {"id": record_id, "stream": stream, "status": "suspected", "outcomes": 1}
        await self._write(DRIFT, Drift.model_validate(ENVELOPE | said | {"event_source": "test", "event_id": event}))

    async def _write(
        self, topic: Any, record: ControlRecord | Prediction | Rejected, stream: str | None = None
    ) -> None:
        await self.log.create([*control_topics("penstock"), *stream_topics("penstock", STREAM)])
        await self._publisher.publish([Outputs(topic, stream, [record], [None])])

    async def watch(self) -> StreamWatch:
        """What a console sees of it."""
        watch = StreamWatch(self.log, "penstock", STREAM)
        await watch.start()
        return watch


async def test_counts_are_of_distinct_ids_of_this_run() -> None:
    past = Past()
    for record_id in ("e0", "e0", "e1", "elsewhere"):
        await past.predicted(record_id, "a", 0)
    for record_id in ("e2", "e2", "elsewhere-2"):
        await past.rejected(record_id)
    report = make_report(await past.watch(), sent(10), "binary", Effort(2.0, 3, refused=1, labels=2))
    assert (report.events, report.predicted, report.rejected, report.accepted) == (10, 2, 2, 8)
    assert (report.labels, report.failed_requests, report.events_per_s) == (2, 3, 5.0)
    assert not report.enough_accepted


async def test_the_first_answer_of_an_id_counts() -> None:
    past = Past()
    await past.predicted("e1", "a", 0)
    await past.predicted("e1", "b", 1)
    report = make_report(await past.watch(), sent(2), "binary", Effort(1.0, 0))
    assert report.score == 1.0


async def test_epochs_and_drifts_are_placed_by_row() -> None:
    past = Past()
    for epoch in (0, 1, 2):
        await past.promoted(epoch)
    await past.promoted(7, stream="other")
    for row, epoch in ((3, 1), (2, 1), (0, 0), (1, 0)):
        await past.predicted(f"e{row}", "a", epoch)
    await past.drifted("d1", "e3")
    await past.drifted("d2", "e1", stream="other")
    report = make_report(await past.watch(), sent(4), "binary", Effort(1.0, 0))
    assert [(line.epoch, line.at_event, line.reason) for line in report.epochs] == [
        (0, 0, "baseline"),
        (1, 2, "promotion"),
        (2, None, "promotion"),
    ]
    assert [(line.at_event, line.detector) for line in report.drifts] == [(3, "adwin")]


async def test_every_training_that_was_started_counts_whatever_came_of_it() -> None:
    past = Past()
    await past.trained("r1-started", "started")
    await past.trained("r1-started", "started")
    await past.trained("r1-finished", "finished", cpu=1.5)
    await past.trained("r2-started", "started")
    await past.trained("r2-failed", "failed", cpu=0.25)
    report = make_report(await past.watch(), sent(1), "binary", Effort(1.0, 0))
    assert (report.retrains, report.training_seconds) == (2, 1.75)


def test_the_score_leaves_the_warm_up_out() -> None:
    truths = sent(20)
    answers: dict[str, tuple[str | float, int]] = {f"e{n}": ("b" if n < 2 else "a", 0) for n in range(20)}
    assert score(answers, truths, "binary") == 1.0
    answers["e2"] = ("b", 0)
    assert score(answers, truths, "binary") == pytest.approx(17 / 18)
    del truths.truths["e2"]
    assert score(answers, truths, "binary") == 1.0
    del answers["e3"]
    assert score(answers, truths, "binary") == 1.0
    assert score({}, truths, "binary") is None


def test_a_number_is_scored_by_its_mean_absolute_error() -> None:
    truths = Truths({"e0": 0, "e1": 1}, {"e0": 1.0, "e1": 2.0})
    assert score({"e0": (2.0, 0), "e1": (5.0, 0)}, truths, "regression") == 2.0


@given(count=st.integers(1, 700), scored=st.sets(st.integers(0, 699)), seed=st.integers(0, 9))
def test_the_score_over_time_is_the_score_cut_in_blocks(count: int, scored: set[int], seed: int) -> None:
    rows = np.array(sorted(row for row in scored if row < count), dtype=np.int64)
    marks = np.random.default_rng(seed).random(len(rows))
    lines, size = progress(rows, marks, count), block_size(count)
    assert [line.row for line in lines] == list(range(0, count, size))
    for line in lines:
        inside = marks[(rows >= line.row) & (rows < line.row + size)]
        assert line.score == (pytest.approx(inside.mean(), abs=1e-6) if len(inside) else None)


async def test_the_report_tells_the_score_of_each_block_of_rows() -> None:
    past = Past()
    for row in range(240):
        await past.predicted(f"e{row}", "b" if 100 <= row < 200 else "a", 0)
    report = make_report(await past.watch(), sent(250), "binary", Effort(1.0, 0))
    assert report.progress == [ProgressLine(0, 1.0), ProgressLine(100, 0.0), ProgressLine(200, 1.0)]


async def test_the_report_is_written_in_its_promised_shape(tmp_path: Path) -> None:
    past = Past()
    await past.promoted(0)
    report = make_report(await past.watch(), sent(1), "binary", Effort(1.0, 0))
    report.write(tmp_path / "new" / "report.json", planted_at=5)
    names = [
        "events",
        "accepted",
        "rejected",
        "predicted",
        "labels",
        "metric",
        "score",
        "warmup",
        "epochs",
        "drifts",
        "retrains",
        "snapshots",
        "training_seconds",
        "learning_seconds",
        "rollbacks",
        "failed_requests",
        "wall_s",
        "events_per_s",
        "progress",
        "planted_at",
    ]
    written = json.loads((tmp_path / "new" / "report.json").read_text())
    assert list(written) == names
    assert set(written["epochs"][0]) == {"epoch", "model", "family", "reason", "at_event"}
