"""The ledger as it is read from the log, and shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from penstock.bus.memory.log import MemoryLog
from penstock.bus.publisher import Publisher
from penstock.bus.topics import control_topics
from penstock.console.home import Home
from penstock.console.views.ledger import as_document, ledger_table, read_ledger
from penstock.contracts.batch import output
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.contracts.records.monitoring import Statistics
from penstock.contracts.records.streams import Streams
from penstock.contracts.records.training import Dataset, Evaluation, Score, TrainingRequest, TrainingRun
from penstock.contracts.topics import DECISIONS, MODELS, STATISTICS, TRAINING_REQUESTS, TRAINING_RUNS, Topic

from .test_commands import penstock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAID: dict[str, Any] = {"source": "s", "time": NOW, "stream": "power"}


def request(fence: int, stream: str = "power") -> TrainingRequest:
    return TrainingRequest(**{**SAID, "stream": stream}, id=f"{stream}{fence}", fence=fence, reason="first", until=500)


def ended(asked: TrainingRequest) -> TrainingRun:
    score = Score(value=0.8, low=0.7, high=0.9, rows=100)
    return TrainingRun(
        **SAID, id="run", request=asked.id, fence=asked.fence, status="finished", reason="first", until=500,
        dataset=Dataset(segments=(), schema_version=1, rows=480), cpu_seconds=2.5,
        evaluation=Evaluation(
            metric="accuracy", candidate=score, champion=score, baseline=score,
            gain=Score(value=0.03, low=0.01, high=0.05, rows=100),
        ),
    )  # fmt: skip


def promoted(asked: TrainingRequest) -> ModelEpoch:
    champion = ModelVersion(
        name="power", version=1, family="linear", digest="d", envelope={}, run=asked.id, schema_version=1
    )
    return ModelEpoch(**SAID, id="epoch", epoch=1, champion=champion, reason="promotion")


def block(start: int, score: float, epoch: int) -> Statistics:
    return Statistics(
        **SAID, id=f"b{start}", start=start, stop=start + 100, joined=100, expired=0, metric="accuracy", score=score,
        coverage=1.0, version=0, epoch=epoch, first_time=NOW, last_time=NOW,
    )  # fmt: skip


def decision(asked: TrainingRequest) -> Decision:
    return Decision(
        **SAID, id="decision", number=0, verdict="retrain", reason="first", outcomes=500, request=asked.id,
        expected_cost=1.5,
    )  # fmt: skip


async def written(*records: tuple[Topic[Any], Any]) -> MemoryLog:
    log = MemoryLog(lambda: 0)
    await log.create(control_topics("penstock"))
    await Publisher(log, "penstock", Streams()).publish(
        [output(topic, record, key=record.stream) for topic, record in records]
    )
    return log


async def a_log() -> MemoryLog:
    first = request(0)
    return await written(
        (DECISIONS, decision(first)),
        (TRAINING_REQUESTS, first),
        (TRAINING_REQUESTS, request(0, "another")),
        (TRAINING_RUNS, ended(first)),
        (MODELS, promoted(first)),
        *((STATISTICS, block(start, 0.6, 0)) for start in (300, 400)),
        *((STATISTICS, block(start, 0.8, 1)) for start in (500, 600, 700)),
        (TRAINING_REQUESTS, request(1)),
    )


async def test_a_run_is_told_from_its_request_to_what_it_realised() -> None:
    read = await read_ledger(await a_log(), "penstock", "power")
    first, second = json.loads(json.dumps(as_document(read)))["runs"]
    assert (first["reason"], first["rows"], first["seconds"], first["expected_seconds"]) == ("first", 480, 2.5, 1.5)
    assert (first["promoted"], first["gain"]["low"], first["realised"]["rows"]) == (True, 0.01, 200)
    assert round(first["realised"]["value"], 9) == 0.2
    assert (second["status"], second["promoted"], second["realised"]) == ("under way", False, None)


async def test_the_table_holds_a_line_for_each_run_and_what_was_decided_last() -> None:
    console = Console(width=200, record=True)
    console.print(ledger_table("power", await read_ledger(await a_log(), "penstock", "power")))
    text = console.export_text()
    assert "2.5 s (1.5)" in text
    assert "+0.2 over 200" in text
    assert "+0.03 [+0.01, +0.05]" in text
    assert text.rstrip().endswith("At 500 outcomes: retrain, first")


async def test_a_stream_that_was_never_trained_has_an_empty_ledger() -> None:
    read = await read_ledger(await written(), "penstock", "power")
    assert as_document(read) == {"runs": [], "decision": None}
    Console(width=200).print(ledger_table("power", read))


def test_without_a_deployment_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = penstock(Home(tmp_path / "new"), "ledger", "power")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Nothing runs in" in done.stderr
