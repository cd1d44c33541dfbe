"""What the demo says that it waits for."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics, stream_topics
from penstock.console.demo.loop_step import NOTHING, awaited
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.contracts.batch import output
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.governance import AuditEntry
from penstock.contracts.records.monitoring import Drift
from penstock.contracts.records.predictions import PredictionData
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import TrainingRun
from penstock.contracts.topics import AUDIT, DECISIONS, DRIFT, MODELS, TRAINING_REQUESTS, TRAINING_RUNS, Topic

from .test_report import STREAM
from .training_records import envelope, finished_run, promotion, training_request

NAME = STREAM.declaration.name
REQUEST = training_request(NAME, 0)
STARTED = TrainingRun(
    **envelope(NAME), id="started", request=REQUEST.id, fence=0, status="started", reason="first", until=500
)
ASKED_FOR = (TRAINING_REQUESTS, REQUEST)
FINISHED = (TRAINING_RUNS, finished_run(REQUEST))
PROMOTED = (MODELS, promotion(REQUEST))
Records = tuple[tuple[Topic[Any], Any], ...]


def verdict(*, passed: bool) -> tuple[Topic[Any], Any]:
    detail = {"run": REQUEST.id, "passed": passed}
    entry = AuditEntry(
        source="s", time=REQUEST.time, id="a", number=1, actor="registry", action="x", subject=NAME, detail=detail,
        previous="", hash="",
    )  # fmt: skip
    return AUDIT, entry


def decision(reason: Any, outcomes: int, detail: str = "") -> tuple[Topic[Any], Any]:
    fields = {"id": "d", "number": 1, "verdict": "wait", "reason": reason, "outcomes": outcomes, "detail": detail}
    return DECISIONS, Decision.model_validate(envelope(NAME) | fields)


def drift(outcomes: int, status: Any = "confirmed") -> tuple[Topic[Any], Any]:
    fields = {"id": f"drift-{outcomes}", "kind": "concept", "detector": "adwin", "statistic": 1, "threshold": 1}
    fields |= {"status": status, "outcomes": outcomes, "event_source": "s", "event_id": "e", "epoch": 1}
    return DRIFT, Drift.model_validate(envelope(NAME) | fields)


async def text_of(*records: tuple[Topic[Any], Any], outcomes: int = 500, predicted_in: int = 0) -> str:
    """What is awaited with these records on the log, so many outcomes, and a prediction of this epoch."""
    log, streams = MemoryLog(), Streams()
    streams.apply(STREAM)
    await log.create([*control_topics("penstock"), *stream_topics("penstock", STREAM)])
    publisher = Publisher(log, "penstock", streams)
    for topic, record in records:
        await publisher.publish([output(topic, record, key="k")])
    watch = StreamWatch(log, "penstock", STREAM)
    await watch.start()
    for offset in range(outcomes):
        watch.events.end(f"e{offset}", offset, expired=False)
    data = PredictionData(value="a", model="s", version=1, digest="d", epoch=predicted_in, schema=1, code="1")
    watch.events.predict("e0", data)
    return awaited(watch)


async def test_outcomes_until_the_first_model_are_counted_as_they_come() -> None:
    assert await text_of(outcomes=0) == "outcomes until the first model (0 of 500)"
    assert await text_of(decision("too-few", 0), outcomes=310) == "outcomes until the first model (310 of 500)"


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ((ASKED_FOR,), "a training that runs, on 500 outcomes (first)"),
        ((ASKED_FOR, (TRAINING_RUNS, STARTED)), "a training that runs, on 500 outcomes (first)"),
        ((ASKED_FOR, FINISHED), "the verdict on a candidate"),
        ((ASKED_FOR, FINISHED, verdict(passed=True)), "the promotion of a candidate that passed"),
        ((ASKED_FOR, FINISHED, verdict(passed=True), PROMOTED), "the server to open the model of epoch 1"),
        ((ASKED_FOR, FINISHED, verdict(passed=False)), NOTHING),
    ],
)
async def test_a_training_is_followed_until_its_model_answers(records: Records, text: str) -> None:
    assert await text_of(*records) == text


SERVED = (ASKED_FOR, FINISHED, verdict(passed=True), PROMOTED)


async def test_once_the_newest_model_answers_nothing_is_awaited() -> None:
    assert await text_of(*SERVED, predicted_in=1) == NOTHING
    assert await text_of(*SERVED, decision("nothing", 600), predicted_in=1) == NOTHING


async def test_after_a_confirmed_drift_the_outcomes_to_learn_from_are_counted() -> None:
    drifts = (drift(450), drift(600, "suspected"), drift(700), drift(800))
    text = await text_of(*SERVED, *drifts, decision("settling", 700), outcomes=820, predicted_in=1)
    assert text == "outcomes after the drift to learn from (120 of 400)"


async def test_other_reasons_to_wait_are_told_in_their_own_words() -> None:
    budget = decision("budget", 900, "5 training seconds of the day are used up")
    assert await text_of(*SERVED, budget, predicted_in=1) == "5 training seconds of the day are used up"
    cooling = await text_of(*SERVED, decision("cooling", 900), outcomes=900, predicted_in=1)
    assert cooling == "outcomes after the last training (400 so far)"
