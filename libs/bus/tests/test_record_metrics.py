"""What the records that are written say of streams, as metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher, TracedOutputs, no_traceparent
from penstock.bus.topics import control_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Alert, Drift, Notification, ObjectiveStatistics, Statistics
from penstock.contracts.records.rejections import Rejection, RejectionData
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import ALERTS, DRIFT, MODELS, NOTIFICATIONS, REJECTED, STATISTICS, TRAINING_RUNS, Topic
from penstock.telemetry.metrics import Metrics

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def record(record_type: Any, **fields: Any) -> Any:
    return record_type(source="test", id="1", time=NOON, stream="loans", **fields)


def block(**fields: Any) -> Statistics:
    usual = {"start": 0, "stop": 100, "joined": 80, "expired": 20, "metric": "accuracy", "score": 0.75, "coverage": 0.8}
    times = {"version": 1, "epoch": 1, "first_time": NOON, "last_time": NOON}
    statistics: Statistics = record(Statistics, **{**usual, **times, **fields})
    return statistics


def epoch(**fields: Any) -> ModelEpoch:
    model = ModelVersion(name="loans", version=1, family="linear", digest="d", envelope={}, schema_version=1)
    begun: ModelEpoch = record(ModelEpoch, epoch=2, champion=model, **fields)
    return begun


async def samples(topic: Topic[Any], *records: Any, stream: str | None = None) -> dict[str, float]:
    """What the metrics of streams show once the records were written."""
    log, metrics = MemoryLog(), Metrics()
    await log.create(control_topics("test"))
    publisher = Publisher(log, "test", Streams(), metrics)
    publisher.encode(
        [TracedOutputs([Outputs(topic, stream, list(records), [b"loans"] * len(records))], no_traceparent)]
    )
    lines = metrics.exposition()[0].decode().splitlines()
    of_streams = [line.rpartition(" ") for line in lines if 'stream="' in line and "_created" not in line]
    return {sample: float(value) for sample, _, value in of_streams}


async def test_a_block_is_shown_by_the_clock_it_was_scored_on() -> None:
    matured = block(clock="matured", joined=90, expired=10, score=0.7, coverage=0.9)
    assert await samples(STATISTICS, block(), matured) == {
        'penstock_score{clock="provisional",metric="accuracy",stream="loans"}': 0.75,
        'penstock_score{clock="matured",metric="accuracy",stream="loans"}': 0.7,
        'penstock_loss{clock="provisional",loss="error",stream="loans"}': 0.25,
        'penstock_loss{clock="matured",loss="error",stream="loans"}': pytest.approx(0.3),
        'penstock_coverage_ratio{clock="provisional",stream="loans"}': 0.8,
        'penstock_coverage_ratio{clock="matured",stream="loans"}': 0.9,
        'penstock_outcomes_time_seconds{clock="provisional",stream="loans"}': NOON.timestamp(),
        'penstock_outcomes_time_seconds{clock="matured",stream="loans"}': NOON.timestamp(),
        'penstock_outcomes_total{result="joined",stream="loans"}': 80,
        'penstock_outcomes_total{result="expired",stream="loans"}': 20,
    }


async def test_the_objective_comes_before_the_usual_score() -> None:
    objective = {
        "metric": "log_loss",
        "score": 0.4,
        "loss": {"loss": "log_loss", "rows": 80, "mean": 0.4, "squares": 1},
    }
    shown = await samples(STATISTICS, block(objective=ObjectiveStatistics.model_validate(objective)))
    assert shown['penstock_score{clock="provisional",metric="log_loss",stream="loans"}'] == 0.4
    assert shown['penstock_loss{clock="provisional",loss="log_loss",stream="loans"}'] == 0.4
    assert not any("accuracy" in sample for sample in shown)


@pytest.mark.parametrize("as_bytes", [False, True])
async def test_epochs_count_by_their_reason_and_a_rollback_that_something_caused_is_a_return(as_bytes: bool) -> None:
    epochs: list[ControlRecord] = [
        epoch(reason="promotion"), epoch(reason="rollback"), epoch(reason="rollback", cause="a run"),
    ]  # fmt: skip
    assert await samples(MODELS, *[each.to_json() if as_bytes else each for each in epochs]) == {
        'penstock_epochs_total{reason="promotion",stream="loans"}': 1,
        'penstock_epochs_total{reason="rollback",stream="loans"}': 1,
        'penstock_epochs_total{reason="return",stream="loans"}': 1,
    }


async def test_rejections_count_by_their_code() -> None:
    def rejection(code: str) -> Rejection:
        data = RejectionData(kind="event", id="1", code=code, detail="", original="")
        return Rejection(source="test#rejected", id="1", time=NOON, data=data)

    outputs = [rejection("bad_time"), rejection("out_of_range"), rejection("bad_time")]
    assert await samples(REJECTED, *outputs, stream="loans") == {
        'penstock_rejections_total{code="bad_time",kind="event",stream="loans"}': 2,
        'penstock_rejections_total{code="out_of_range",kind="event",stream="loans"}': 1,
    }


async def test_drifts_alerts_trainings_and_notifications_count() -> None:
    drift = record(
        Drift, kind="concept", detector="scan", statistic=1, threshold=1, status="confirmed", outcomes=9,
        event_source="s", event_id="e", epoch=1,
    )  # fmt: skip
    alert = record(Alert, severity="warning", subject="drift", message="", kind="drift", key="drift/loans")
    run = record(
        TrainingRun, request="r", fence=0, status="finished", reason="drift", until=9, cpu_seconds=2.5,
    )  # fmt: skip
    notification = record(Notification, alert="1", destination="mail", outcome="refused", tries=1)
    assert await samples(DRIFT, drift) == {'penstock_drifts_total{kind="concept",status="confirmed",stream="loans"}': 1}
    assert await samples(ALERTS, alert) == {'penstock_alerts_total{kind="drift",state="firing",stream="loans"}': 1}
    assert await samples(TRAINING_RUNS, run) == {
        'penstock_trainings_total{reason="drift",status="finished",stream="loans"}': 1,
        'penstock_training_cpu_seconds_total{stream="loans"}': 2.5,
    }
    assert await samples(NOTIFICATIONS, notification) == {
        'penstock_notifications_total{destination="mail",outcome="refused",stream="loans"}': 1
    }


async def test_what_cannot_be_read_is_left_out_and_written_all_the_same() -> None:
    assert await samples(MODELS, b"no epoch", epoch(reason="promotion")) == {
        'penstock_epochs_total{reason="promotion",stream="loans"}': 1
    }
    assert await samples(REJECTED, b"no rejection", stream="loans") == {}
