"""What served and why an event was answered so, read from the log of a whole loop in one process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from penstock.archiver.archive_files import ArchiveFile, folder_of
from penstock.archiver.handlers import rows_of
from penstock.archiver.parquet_rows import to_parquet
from penstock.archiver.range_reader import RangeReader
from penstock.artifacts.named_files import NamedFiles
from penstock.bus.ports import Log
from penstock.console.commands.served import moment_of
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.failure import ConsoleFailure
from penstock.console.lineage.answer_explanation import explain
from penstock.console.lineage.answer_search import AnswerSearch
from penstock.console.lineage.archived_answers import ArchivedAnswers
from penstock.console.lineage.places import Place, Placed, TopicReader
from penstock.console.lineage.served_models import ServedModels, instant
from penstock.console.prediction_log.log_files import PredictionLog
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.views.served_table import served_document, served_lines, spans_document
from penstock.console.views.why_lines import why_document, why_lines
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES, PREDICTIONS

COUNT, DELAY, CHUNK, FIRST = 330, 20, 30, 150


@dataclass(frozen=True)
class Loop:
    """A log on which a model was trained and promoted, and all answers on it."""

    log: Log
    stream: StreamDeclared
    predictions: list[Placed[Prediction]]

    def search(self) -> AnswerSearch:
        return AnswerSearch(self.log, "penstock", self.stream)

    def models(self) -> ServedModels:
        return ServedModels(self.log, "penstock", self.stream)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loop() -> AsyncIterator[Loop]:
    declaration = demo_declaration()
    retrain = declaration.retrain.model_copy(update={"first_after": FIRST})
    async with in_process_deployment(declaration.model_copy(update={"retrain": retrain})) as deployment:
        sender = ReplaySender(CreditRisk(COUNT, COUNT), deployment)
        await replay_in_stream_time(sender, DELAY, CHUNK, lambda _: None)
        await deployment.watch.read_to_end()
        stream = deployment.watch.stream
        reader = TopicReader(deployment.log, "penstock", PREDICTIONS, stream)
        yield Loop(deployment.log, stream, [placed async for placed in reader.read_all()])


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_served_is_right_at_every_record(loop: Loop) -> None:
    assert {placed.record.data.epoch for placed in loop.predictions} >= {0, 1}
    models = loop.models()
    for placed in loop.predictions:
        served = await models.at_place(placed.place)
        assert served.epoch.record.epoch == placed.record.data.epoch
        assert served.epoch.record.champion.digest == placed.record.data.digest


async def test_what_served_is_right_at_every_time(loop: Loop) -> None:
    """Of each partition the last answer that the log took by then counts."""
    models = loop.models()
    for time in sorted({placed.appended for placed in loop.predictions}):
        last = {one.place.partition: one for one in loop.predictions if one.appended <= time}
        served = await models.at_time(instant(time))
        assert [one.epoch.record.epoch for one in served] == sorted({one.record.data.epoch for one in last.values()})
        assert {place for one in served for place in one.shown_by} == {one.place for one in last.values()}


async def test_before_the_first_answer_it_is_the_newest_epoch_by_its_own_time(loop: Loop) -> None:
    first = min(placed.appended for placed in loop.predictions)
    (served,) = await loop.models().at_time(instant(first - 1))
    assert (served.epoch.record.epoch, served.shown_by) == (0, ())
    assert any("no answer of then is on the log" in line for line in served_lines("s", [served]))


async def test_an_epoch_began_with_its_first_answer(loop: Loop) -> None:
    spans = await loop.models().spans(20)
    for span in spans:
        answers = [one.appended for one in loop.predictions if one.record.data.epoch >= span.epoch.record.epoch]
        assert span.first_answer == min(answers, default=None)
        first = await loop.models().first_answer(span.epoch.record.epoch)
        assert (first is None) == (span.first_answer is None)
        assert first is None or (first.appended, first in loop.predictions) == (span.first_answer, True)
    assert await loop.models().first_answer(99) is None
    document = json.loads(json.dumps(spans_document("s", spans)))
    assert document["epochs"][1]["models"][0]["version"] == 1


async def test_an_event_and_an_outcome_lead_to_the_epoch_that_answered_them(loop: Loop) -> None:
    models, search = loop.models(), loop.search()
    for placed in loop.predictions[:: len(loop.predictions) // 12]:
        answer = await search.find(placed.record.id)
        assert answer is not None
        assert answer.event is not None
        for place in (answer.event.place, *(outcome.place for outcome in answer.outcomes)):
            assert (await models.at_place(place)).epoch.record.epoch == placed.record.data.epoch


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("predictions@0:99999", "no record at predictions@0:99999"),
        ("predictions@77:0", "no record at"),
        ("labels@0:0", "names no epoch"),
    ],
)
async def test_a_place_that_names_no_epoch_is_refused(loop: Loop, place: str, says: str) -> None:
    parsed = Place.parse(place)
    assert parsed is not None
    with pytest.raises(ConsoleFailure, match=says):
        await loop.models().at_place(parsed)


async def test_why_leads_from_an_answer_to_what_tipped_the_training_of_its_model(loop: Loop) -> None:
    placed = next(one for one in reversed(loop.predictions) if one.record.data.epoch == 1)
    why = await explain(loop.log, "penstock", loop.search(), placed.record.id)
    assert why is not None
    document: dict[str, Any] = json.loads(json.dumps(why_document(why)))
    assert document["prediction"]["place"] == str(placed.place)
    assert document["event"]["record"]["id"] == placed.record.id
    run, request = document["run"]["record"], document["request"]["record"]
    assert run["candidate"]["digest"] == placed.record.data.digest
    assert (run["request"], request["id"], document["decision"]["record"]["request"]) == (request["id"],) * 3
    assert document["tipped_by"]["record"]["id"] == request["cause"]
    assert document["since"]["epoch"] == 1
    assert all(earlier["record"]["data"]["entity"] == placed.record.data.entity for earlier in document["earlier"])
    text = "\n".join(why_lines(why))
    for part in (placed.record.id, "by version 1, champion", "It was trained", "on the holdout", "asked for"):
        assert part in text


async def test_a_baseline_was_not_trained_and_an_event_without_a_label_says_so(loop: Loop) -> None:
    first = next(one for one in loop.predictions if one.record.data.epoch == 0)
    why = await explain(loop.log, "penstock", loop.search(), first.record.id)
    assert why is not None
    assert "It was not trained" in "\n".join(why_lines(why))
    found = [await loop.search().find(one.record.id) for one in loop.predictions[-3:]]
    assert all(answer is not None for answer in found)


async def test_an_unknown_event_has_no_answer(loop: Loop) -> None:
    assert await explain(loop.log, "penstock", loop.search(), "nobody-sent-this") is None


async def test_a_moment_is_a_time_in_utc_or_a_place() -> None:
    assert moment_of("2026-03-01T14:03") == moment_of("2026-03-01T15:03+01:00")
    assert moment_of("penstock.loans.events@1:7") == Place("events", 1, 7)
    with pytest.raises(ConsoleFailure, match="neither a time"):
        moment_of("yesterday")


async def test_what_served_is_told_to_programs_with_its_shares(loop: Loop) -> None:
    served = await loop.models().at_place(loop.predictions[0].place)
    (epoch,) = served_document("s", [served])["epochs"]
    assert [(model["arm"], model["share"]) for model in epoch["models"]] == [("champion", 1.0)]


async def archive_of(loop: Loop, folder: Path, share: float) -> ArchivedAnswers:
    """A prediction log with the first part of each topic partition."""
    files, reader = NamedFiles.in_folder(folder), RangeReader(loop.log)
    for topic in (PREDICTIONS, OUTCOMES):
        topic_reader: TopicReader[Any] = TopicReader(loop.log, "penstock", topic, loop.stream)
        for partition, (start, end) in (await topic_reader.bounds()).items():
            stop = start + int((end - start) * share)
            rows = partial(rows_of, topic, loop.stream, partition)
            found = await reader.read(topic_reader.keys[partition], start, stop, COUNT, rows)
            place = folder_of("penstock", loop.stream.name, topic.short_name, partition)
            files.put(f"{place}/{ArchiveFile(start, stop, 0).name}", to_parquet(found.tables))
    await reader.close()
    spill = folder / "spill"
    spill.mkdir()
    return ArchivedAnswers(PredictionLog(str(folder), "penstock", spill), spill, loop.stream.name)


@pytest.mark.parametrize("share", [1.0, 0.5])
async def test_what_is_archived_is_found_as_on_the_log(loop: Loop, tmp_path: Path, share: float) -> None:
    archive = await archive_of(loop, tmp_path, share)
    with_archive = AnswerSearch(loop.log, "penstock", loop.stream, archive)
    for placed in loop.predictions[:: len(loop.predictions) // 9]:
        found, expected = await with_archive.find(placed.record.id), await loop.search().find(placed.record.id)
        assert found is not None
        assert expected is not None
        assert found.prediction == expected.prediction
        assert found.earlier == expected.earlier
        assert [(one.place, one.record.data.label, one.record.time) for one in found.outcomes] == [
            (one.place, one.record.data.label, one.record.time) for one in expected.outcomes
        ]
    assert await with_archive.find("nobody-sent-this") is None
