"""Imported history: models learn from it before the first live event, and no score counts it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.console.replay.history_import import ImportResult, ImportStream, import_history
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.report.report import Report, RunMeasurements, make_report
from penstock.console.replay.rows.historical_events import HistoricalEvent, historical_events
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.replay.watch.stream_watch import StreamWatch
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.topics import COMMANDS, DRIFT, OUTCOMES, STATISTICS, TRAINING_REQUESTS, Topic

from .log_records import records_of

HISTORY, LIVE, BAD_ROWS = 1050, 400, 3

DECLARATION = Declaration.model_validate(
    {
        "name": "meters",
        "task": "binary",
        "entity": "meter",
        "fields": {
            "load": {"type": "number", "max": 100, "outside": "refuse"},
            "meter": {"type": "category"},
        },
        "label": {"name": "high", "classes": ["no", "yes"]},
        "lags": {"label": [1]},
        "models": {"families": ["linear", "additive"]},
        "retrain": {"first_after": 500},
    }
)


@dataclass
class Site:
    """A deployment in this process, and the rows to send to it."""

    deployment: InProcessDeployment
    history: FileRows
    live: FileRows

    @property
    def log(self) -> MemoryLog:
        return self.deployment.log

    @property
    def watch(self) -> StreamWatch:
        return self.deployment.watch

    def rows(self) -> list[HistoricalEvent]:
        return list(historical_events(self.history.rows(), delay=2))

    async def import_rows(self, rows: Sequence[HistoricalEvent]) -> ImportResult:
        target = ImportStream(self.log, "penstock", self.watch.stream)
        result = await import_history(rows, self.deployment, target, "history.csv", lambda _: None)
        await self.deployment.await_quiet()
        await self.watch.read_to_end()
        return result

    def records(self, topic: Topic[Any]) -> list[Any]:
        return records_of(self.log, topic, self.watch.stream)


def write_rows(folder: Path, name: str, count: int, seed: int) -> Path:
    """A file of rows whose label says whether the load is above 50; the history's first rows hold impossible loads."""
    random = np.random.default_rng(seed)
    loads = random.uniform(0, 100, count).round(3)
    lines = [f"{load},m{row % 5},{'yes' if load > 50 else 'no'}" for row, load in enumerate(loads.tolist())]
    (folder / name).write_text("\n".join(["load,meter,high", *lines]) + "\n")
    return folder / name


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    history = write_rows(tmp_path, "past.csv", HISTORY, 1)
    lines = history.read_text().splitlines()
    history.write_text("\n".join([lines[0], "900,m1,yes", "1,m1,perhaps", "1,m1,", *lines[1:]]) + "\n")
    return history, write_rows(tmp_path, "live.csv", LIVE, 2)


@pytest.fixture
async def site(files: tuple[Path, Path]) -> AsyncIterator[Site]:
    """A new deployment."""
    after_history = DECLARATION.time.start + 2 * HISTORY * DECLARATION.time.step
    live = DECLARATION.model_copy(update={"time": DECLARATION.time.model_copy(update={"start": after_history})})
    async with in_process_deployment(DECLARATION) as deployment:
        history_rows = FileRows(open_table(files[0]), DECLARATION, "import/meters")
        yield Site(deployment, history_rows, FileRows(open_table(files[1]), live, "live"))


async def test_a_model_is_trained_on_history_before_the_first_live_event(site: Site) -> None:
    result = await site.import_rows(site.rows())
    assert (result.accepted, result.outcomes) == (HISTORY, HISTORY)
    assert {refused.code: refused.first_rows for refused in result.refusals} == {
        "out_of_range": [0],
        "unknown_class": [1],
        "missing_label": [2],
    }
    (request,) = site.records(TRAINING_REQUESTS)
    assert (request.reason, request.until) == ("first", HISTORY)
    assert site.watch.epochs[1].reason == "promotion"
    assert not site.watch.predictions
    assert {outcome.data.status for outcome in site.records(OUTCOMES)} == {"imported"}
    assert not site.records(STATISTICS)
    assert not site.records(DRIFT)


async def test_only_live_events_are_scored(site: Site) -> None:
    await site.import_rows(site.rows())
    sent = await replay_in_stream_time(ReplaySender(site.live, site.deployment), 10, 20, lambda _: None)
    await site.watch.read_to_end()
    report: Report = make_report(site.watch, sent.rows, RunMeasurements(0.0, 0, sent.refusals, sent.labels))
    assert report.predicted == LIVE
    assert report.score is not None
    assert report.score > 0.9, "the first live event meets the model that history taught"
    assert {epoch for _, epoch in site.watch.predictions.values()} >= {1}
    assert 0 not in {epoch for _, epoch in site.watch.predictions.values()}
    blocks = [block for block in site.records(STATISTICS) if block.clock == "provisional"]
    assert sum(block.joined + block.expired for block in blocks) == (HISTORY + LIVE) // 100 * 100 - HISTORY
    assert all(block.score is not None and block.score > 0.9 for block in blocks)
    ids = set(sent.rows.ids())
    first = min(outcome.data.answer.lag_features[0] for outcome in site.records(OUTCOMES) if outcome.id in ids)
    assert first is not None, "the first live events know the labels of history"


async def test_importing_twice_changes_nothing(site: Site) -> None:
    first = await site.import_rows(site.rows())
    counts = {topic: len(site.records(topic)) for topic in (OUTCOMES, TRAINING_REQUESTS, COMMANDS)}
    assert await site.import_rows(site.rows()) == first
    assert {topic: len(site.records(topic)) for topic in counts} == counts


async def test_an_import_that_was_cut_short_is_completed(site: Site) -> None:
    rows = site.rows()
    labelled = [row.event for row in rows if isinstance(row.event, bytes)]
    await site.deployment.send("event", labelled[:700], rows[-1].known_at)  # stopped before the training was requested
    await site.deployment.await_quiet()
    assert not site.records(TRAINING_REQUESTS)
    result = await site.import_rows(rows)
    assert (result.accepted, result.outcomes) == (HISTORY, HISTORY)
    (request,) = site.records(TRAINING_REQUESTS)
    assert request.until == HISTORY


async def test_a_corrected_file_adds_only_the_corrected_row(site: Site, files: tuple[Path, Path]) -> None:
    await site.import_rows(site.rows())
    history = files[0]
    history.write_text(history.read_text().replace("900,", "90,", 1))
    site.history = FileRows(open_table(history), DECLARATION, "import/meters")
    result = await site.import_rows(site.rows())
    assert (result.accepted, result.outcomes) == (HISTORY + 1, HISTORY + 1)
    assert len(site.records(OUTCOMES)) == HISTORY + 1


async def test_too_little_history_waits_for_live_outcomes(site: Site) -> None:
    result = await site.import_rows(list(islice(site.rows(), 100)))
    assert result.outcomes == 100 - BAD_ROWS
    assert not site.records(TRAINING_REQUESTS)
