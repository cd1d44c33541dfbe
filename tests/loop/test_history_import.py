"""Labelled history, imported: it is learnt from before the first live event, and no score counts it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.console.replay.historical_events import HistoricalEvent, historical_events
from penstock.console.replay.history_import import ImportResult, ImportStream, import_history
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.labelled_rows import FileRows
from penstock.console.replay.report import Report, RunMeasurements, make_report
from penstock.console.replay.stream_time import replay_in_stream_time
from penstock.console.replay.stream_watch import StreamWatch
from penstock.console.table_file import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.topics import COMMANDS, DRIFT, OUTCOMES, STATISTICS, TRAINING_REQUESTS, Topic

HISTORY, LIVE, BAD = 1050, 400, 3

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
    """A deployment in this process, and what its log holds."""

    deployment: InProcessDeployment
    past: FileRows
    live: FileRows

    @property
    def log(self) -> MemoryLog:
        return self.deployment.log

    @property
    def watch(self) -> StreamWatch:
        return self.deployment.watch

    def rows(self) -> list[HistoricalEvent]:
        return list(historical_events(self.past.rows(), delay=2))

    async def bring(self, rows: Sequence[HistoricalEvent]) -> ImportResult:
        target = ImportStream(self.log, "penstock", self.watch.stream)
        found = await import_history(rows, self.deployment, target, "history.csv", lambda _: None)
        await self.deployment.await_quiet()
        await self.watch.read_to_end()
        return found

    def records(self, topic: Topic[Any]) -> list[Any]:
        name = topic.name("penstock", "meters" if topic.plane == "data" else None)
        decode = topic.decoder(self.watch.stream)
        return [record for place in self.log.partitions_of(name) for record in decode(self.log.records_of(place))]


def written(folder: Path, name: str, count: int, seed: int) -> Path:
    """A file of rows whose label says whether the load is above 50; the history's first rows hold impossible loads."""
    random = np.random.default_rng(seed)
    loads = random.uniform(0, 100, count).round(3)
    lines = [f"{load},m{place % 5},{'yes' if load > 50 else 'no'}" for place, load in enumerate(loads.tolist())]
    (folder / name).write_text("\n".join(["load,meter,high", *lines]) + "\n")
    return folder / name


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    past = written(tmp_path, "past.csv", HISTORY, 1)
    lines = past.read_text().splitlines()
    past.write_text("\n".join([lines[0], "900,m1,yes", "1,m1,perhaps", "1,m1,", *lines[1:]]) + "\n")
    return past, written(tmp_path, "live.csv", LIVE, 2)


def on_site(files: tuple[Path, Path], work: Any) -> Any:
    """What the work comes to on a site of its own."""

    async def go() -> Any:
        async with in_process_deployment(DECLARATION) as deployment:
            past = FileRows(open_table(files[0]), DECLARATION, "import/meters")
            later = DECLARATION.model_copy(update={"time": DECLARATION.time.model_copy(update={"start": _later()})})
            return await work(Site(deployment, past, FileRows(open_table(files[1]), later, "live")))

    return asyncio.run(go())


def _later() -> Any:
    return DECLARATION.time.start + 2 * HISTORY * DECLARATION.time.step


def test_history_is_learnt_from_before_the_first_live_event(files: tuple[Path, Path]) -> None:
    async def work(site: Site) -> None:
        found = await site.bring(site.rows())
        assert (found.accepted, found.outcomes) == (HISTORY, HISTORY)
        assert {reason.code: rows for reason, rows in found.first_rows.items()} == {
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

    on_site(files, work)


def test_only_live_events_are_scored(files: tuple[Path, Path]) -> None:
    async def work(site: Site) -> None:
        await site.bring(site.rows())
        sent = await replay_in_stream_time(site.live, site.deployment, 10, 20, lambda _: None)
        await site.watch.read_to_end()
        report: Report = make_report(
            site.watch, sent.rows, "binary", RunMeasurements(0.0, 0, sent.refused, sent.labels)
        )
        assert report.predicted == LIVE
        assert report.score is not None
        assert report.score > 0.9, "the first live event meets the model that history taught"
        assert {epoch for _, epoch in site.watch.predictions.values()} >= {1}
        assert 0 not in {epoch for _, epoch in site.watch.predictions.values()}
        told = [one for one in site.records(STATISTICS) if one.clock == "provisional"]
        assert sum(one.joined + one.expired for one in told) == (HISTORY + LIVE) // 100 * 100 - HISTORY
        assert all(one.score is not None and one.score > 0.9 for one in told)
        first = min(
            outcome.data.answer.lag_features[0] for outcome in site.records(OUTCOMES) if outcome.id in sent.rows.numbers
        )
        assert first is not None, "the first live events know the labels of history"

    on_site(files, work)


def test_importing_twice_changes_nothing(files: tuple[Path, Path]) -> None:
    async def work(site: Site) -> None:
        first = await site.bring(site.rows())
        held = {topic: len(site.records(topic)) for topic in (OUTCOMES, TRAINING_REQUESTS, COMMANDS)}
        assert await site.bring(site.rows()) == first
        assert {topic: len(site.records(topic)) for topic in held} == held

    on_site(files, work)


def test_an_import_that_was_cut_short_is_completed(files: tuple[Path, Path]) -> None:
    async def work(site: Site) -> None:
        rows = site.rows()
        labelled = [row.event for row in rows if row.event is not None]
        await site.deployment.send("event", labelled[:700], rows[-1].known_at)  # killed before anybody was told
        await site.deployment.await_quiet()
        assert not site.records(TRAINING_REQUESTS)
        found = await site.bring(rows)
        assert (found.accepted, found.outcomes) == (HISTORY, HISTORY)
        (request,) = site.records(TRAINING_REQUESTS)
        assert request.until == HISTORY

    on_site(files, work)


def test_a_corrected_file_adds_what_was_corrected(files: tuple[Path, Path]) -> None:
    async def work(site: Site) -> None:
        await site.bring(site.rows())
        past = files[0]
        past.write_text(past.read_text().replace("900,", "90,", 1))
        site.past = FileRows(open_table(past), DECLARATION, "import/meters")
        found = await site.bring(site.rows())
        assert (found.accepted, found.outcomes) == (HISTORY + 1, HISTORY + 1)
        assert len(site.records(OUTCOMES)) == HISTORY + 1

    on_site(files, work)


def test_too_little_history_waits_for_live_outcomes(files: tuple[Path, Path]) -> None:
    async def work(site: Site) -> None:
        found = await site.bring(list(islice(site.rows(), 100)))
        assert found.outcomes == 100 - BAD
        assert not site.records(TRAINING_REQUESTS)

    on_site(files, work)
