"""One log line for each drift, decision, request, run, epoch and audit entry, once the log has it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.faulty_log import Fault, FaultyLog
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics
from penstock.contracts.batch import Outputs
from penstock.contracts.records.control import ControlRecord
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import TrainingRequest, TrainingRun
from penstock.contracts.topics import AUDIT, DECISIONS, DRIFT, MODELS, TRAINING_REQUESTS, TRAINING_RUNS, Topic

TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ENVELOPE = {"source": "t", "id": "r1", "time": "2026-01-01T00:00:00Z", "stream": "loans"}
MODEL = ModelVersion(name="loans", version=2, family="linear", digest="d", envelope={}, schema_version=1)

DRIFT_RECORD = Drift.model_validate(
    ENVELOPE
    | {"kind": "feature", "detector": "ks", "field": "income", "statistic": 0.31, "threshold": 0.2, "outcomes": 90}
    | {"status": "suspected", "event_source": "shop", "event_id": "e7", "epoch": 1}
)
RECORDS: list[tuple[Topic[Any], ControlRecord, str]] = [
    (DRIFT, DRIFT_RECORD, "loans: suspected feature drift of income at event e7, by ks: 0.31"),
    (
        DECISIONS,
        Decision.model_validate(ENVELOPE | {"number": 3, "verdict": "wait", "reason": "cooling", "outcomes": 90}),
        "loans: decision 3: wait, cooling",
    ),
    (
        TRAINING_REQUESTS,
        TrainingRequest.model_validate(ENVELOPE | {"fence": 4, "reason": "drift", "detail": "income", "until": 90}),
        "loans: training 4 is requested on 90 outcomes: drift (income)",
    ),
    (
        TRAINING_RUNS,
        TrainingRun.model_validate(
            ENVELOPE | {"request": "q", "fence": 4, "reason": "drift", "until": 90, "status": "failed", "failure": "no"}
        ),
        "loans: training 4 failed (drift): no",
    ),
    (
        MODELS,
        ModelEpoch.model_validate(
            ENVELOPE | {"epoch": 5, "champion": MODEL, "reason": "promotion", "detail": "better"}
        ),
        "loans: epoch 5: version 2 is the champion: promotion (better)",
    ),
    (
        AUDIT,
        AuditEntry.model_validate(
            ENVELOPE
            | {"number": 8, "actor": "registry", "action": "champion.returned", "subject": "loans"}
            | {"detail": {"version": 1, "epoch": 6}, "previous": "0", "hash": "1"}
        ),
        "loans: champion.returned by registry: version 1, epoch 6",
    ),
]


async def open_publisher(*faults: Fault) -> Publisher:
    log = FaultyLog(faults)
    await log.create(control_topics("test"))
    return Publisher(log, "test", Streams())


def output(topic: Topic[Any], record: ControlRecord) -> Outputs[Any]:
    return Outputs(topic, None, [record], [b"loans"], causes=(0,))


@pytest.mark.parametrize(("topic", "record", "line"), RECORDS, ids=[topic.short_name for topic, _, _ in RECORDS])
async def test_a_record_has_one_line(
    topic: Topic[Any], record: ControlRecord, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await (await open_publisher()).publish([output(topic, record)], lambda _: TRACEPARENT)
    (logged,) = caplog.records
    fields = logged.__dict__
    assert logged.getMessage() == line
    assert fields["penstock.stream"] == "loans"
    assert fields["event.id"] == "r1"
    assert fields["trace.id"] == "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_what_the_log_did_not_confirm_has_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    publisher = await open_publisher("lost")
    with pytest.raises(BrokerUnavailable):
        await publisher.publish([output(DRIFT, DRIFT_RECORD)])
    assert caplog.records == []
