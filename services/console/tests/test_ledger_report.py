"""The ledger: read from the log, as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from penstock.bus.memory.log import MemoryLog
from penstock.console.home import Home
from penstock.console.views.ledger_report import read_ledger
from penstock.console.views.ledger_table import ledger_document, ledger_table
from penstock.contracts.records.decisions import Decision
from penstock.contracts.records.monitoring import Statistics
from penstock.contracts.records.streams import Pause
from penstock.contracts.records.training import TrainingRequest
from penstock.contracts.topics import DECISIONS, MODELS, STATISTICS, STREAMS, TRAINING_REQUESTS, TRAINING_RUNS

from .command_process import penstock
from .declared_stream import STREAM
from .training_records import NOW, envelope, finished_run, log_with, promotion, training_request


def block(start: int, score: float, epoch: int) -> Statistics:
    return Statistics(
        **envelope("power"), id=f"b{start}", start=start, stop=start + 100, joined=100, expired=0, metric="accuracy",
        score=score, coverage=1.0, version=0, epoch=epoch, first_time=NOW, last_time=NOW,
    )  # fmt: skip


def decision(request: TrainingRequest) -> Decision:
    return Decision(
        **envelope("power"), id="decision", number=0, verdict="retrain", reason="first", outcomes=500,
        request=request.id, expected_cost=1.5,
    )  # fmt: skip


async def log_of_two_runs() -> MemoryLog:
    """A run that was promoted, and one that is under way."""
    first = training_request("power", 0)
    return await log_with(
        (DECISIONS, decision(first)),
        (TRAINING_REQUESTS, first),
        (TRAINING_REQUESTS, training_request("another", 0)),
        (TRAINING_RUNS, finished_run(first)),
        (MODELS, promotion(first)),
        *((STATISTICS, block(start, 0.6, 0)) for start in (300, 400)),
        *((STATISTICS, block(start, 0.8, 1)) for start in (500, 600, 700)),
        (TRAINING_REQUESTS, training_request("power", 1)),
    )


async def test_an_entry_holds_a_run_from_its_request_to_its_realised_gain() -> None:
    report = await read_ledger(await log_of_two_runs(), "penstock", "power")
    first, second = json.loads(json.dumps(ledger_document(report)))["runs"]
    assert (first["reason"], first["rows"], first["seconds"], first["expected_seconds"]) == ("first", 480, 2.5, 1.5)
    assert (first["promoted"], first["gain"]["low"], first["realised"]["rows"]) == (True, 0.01, 200)
    assert round(first["realised"]["value"], 9) == 0.2
    assert (second["status"], second["promoted"], second["realised"]) == ("under way", False, None)


async def test_the_table_has_a_line_for_each_run_and_the_last_decision() -> None:
    console = Console(width=200, record=True)
    console.print(ledger_table("power", await read_ledger(await log_of_two_runs(), "penstock", "power")))
    text = console.export_text()
    assert "2.5 s (1.5)" in text
    assert "+0.2 over 200" in text
    assert "+0.03 [+0.01, +0.05]" in text
    assert text.rstrip().endswith("At 500 outcomes: retrain, first")


async def test_a_gain_on_too_few_rows_has_no_interval() -> None:
    request = training_request("power", 0)
    run = finished_run(request)
    assert run.evaluation is not None
    gain = run.evaluation.gain.model_copy(update={"low": None, "high": None})
    run = run.model_copy(update={"evaluation": run.evaluation.model_copy(update={"gain": gain})})
    report = await read_ledger(await log_with((TRAINING_REQUESTS, request), (TRAINING_RUNS, run)), "penstock", "power")
    (entry,) = json.loads(json.dumps(ledger_document(report), allow_nan=False))["runs"]
    assert "low" not in entry["gain"]
    console = Console(width=200, record=True)
    console.print(ledger_table("power", report))
    assert "+0.03 " in console.export_text()


async def test_a_stream_that_was_never_trained_has_an_empty_ledger() -> None:
    report = await read_ledger(await log_with(), "penstock", "power")
    assert ledger_document(report) == {"runs": [], "decision": None, "pauses": []}
    Console(width=200).print(ledger_table("power", report))


async def test_it_says_when_the_stream_was_paused_and_why() -> None:
    power = STREAM.declaration.model_copy(update={"name": "power"})
    pause = Pause(by="ann", time=NOW, detail="bad feed", intake=True)
    states = ({"declaration": power, "revision": 1, "pause": pause}, {"revision": 1, "pause": pause})
    log = await log_with(*((STREAMS, STREAM.model_copy(update=state)) for state in states))
    report = await read_ledger(log, "penstock", "power")
    (shown,) = ledger_document(report)["pauses"]
    assert (shown["by"], shown["reason"], shown["until"]) == ("ann", "bad feed", None)
    console = Console(width=200, record=True)
    console.print(ledger_table("power", report))
    assert "UTC, it lasts, and took nothing in, by ann: bad feed" in console.export_text()


def test_without_a_deployment_the_command_fails_with_one_line(tmp_path: Path) -> None:
    result = penstock(Home(tmp_path / "new"), "ledger", "power")
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "Nothing runs in" in result.stderr
