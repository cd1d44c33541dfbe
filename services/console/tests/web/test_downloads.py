"""What programs get as files, through the client: outcomes and answers in SQL as frames, a model as an estimator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import pytest_asyncio
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score

from penstock.archiver.archive_files import ArchiveFile, folder_of
from penstock.archiver.handlers import schema_of
from penstock.archiver.parquet_rows import to_parquet
from penstock.artifacts.named_files import NamedFiles
from penstock.bus.follower import TopicFollower
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import NewTopic, RecordBatch
from penstock.client import AsyncPenstock, AsyncStream, PenstockError, Refused
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.web.app import console_app
from penstock.console.web.downloads import outcome_file, query_file
from penstock.console.web.live.answer_rates import AnswerRates
from penstock.console.web.live.deployment_history import FOLLOWED, DeploymentHistory
from penstock.console.web.live.live_feed import LiveFeed
from penstock.console.web.registry_reader import RegistryReader
from penstock.console.web.service_probe import ServiceProbe
from penstock.console.web.sources import Sources, recent_lags, recent_services
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import OUTCOMES, PREDICTIONS

COUNT, DELAY, CHUNK, FIRST = 480, 20, 30, 300

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Network(httpx.AsyncBaseTransport):
    """The console and the registry by host."""

    def __init__(self, sources: Sources, registry: Any) -> None:
        console = console_app(sources, LiveFeed(sources.history, sources.rates))
        self._apps = {"localhost": httpx.ASGITransport(console), "registry": httpx.ASGITransport(registry)}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._apps[request.url.host].handle_async_request(request)


@dataclass(frozen=True)
class Site:
    """A console over a finished run with a trained champion."""

    sources: Sources
    registry: Any
    name: str

    def client(self, **changes: Any) -> AsyncPenstock:
        network = Network(replace(self.sources, **changes), self.registry)
        return AsyncPenstock("http://registry", services={"console": "http://localhost"}, transport=network)

    def stream(self, **changes: Any) -> AsyncStream:
        return self.client(**changes).stream(self.name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    declared = demo_declaration().model_dump(mode="json", by_alias=True, exclude_unset=True)
    declared |= {"models": {"families": ["linear"]}, "retrain": {"first_after": FIRST}}
    async with in_process_deployment(Declaration.model_validate(declared)) as deployment:
        await replay_in_stream_time(ReplaySender(CreditRisk(COUNT, COUNT), deployment), DELAY, CHUNK, lambda _: None)
        history, registry, name = DeploymentHistory(), deployment.registry_app, deployment.watch.stream.name
        for topic in FOLLOWED:
            await TopicFollower(deployment.log, "penstock", topic, history.apply).start()
        archive = tmp_path_factory.mktemp("archive")
        write_archive(archive, name)
        sources = Sources(
            log=deployment.log,
            namespace="penstock",
            history=history,
            rates=AnswerRates(deployment.log, "penstock", Streams()),
            registry=RegistryReader("http://registry", httpx.ASGITransport(registry)),
            services=recent_services(ServiceProbe({})),
            lags=recent_lags(deployment.log, "penstock"),
            artifacts=str(archive),
            trace_viewer="",
            models=deployment.models,
        )
        yield Site(sources, registry, name)


def write_archive(folder: Path, stream: str) -> None:
    """Two predictions in the prediction log."""
    rows = [{"partition": 0, "offset": number, "id": f"e{number}", "version": number} for number in range(2)]
    table = pa.Table.from_pylist(rows, schema_of(PREDICTIONS))
    where = folder_of("penstock", stream, PREDICTIONS.short_name, 0)
    NamedFiles.in_folder(folder).put(f"{where}/{ArchiveFile(0, 2, 0).name}", to_parquet([table]))


async def test_outcomes_are_a_frame_with_the_fields_under_their_names(site: Site) -> None:
    frame = await site.stream().outcomes()
    declaration, _ = site.sources.stream(site.name)
    assert isinstance(frame, pl.DataFrame)
    assert frame.columns == [*outcome_file.OWN.values(), *declaration.declaration.fields]
    assert len(frame) == frame["id"].n_unique() > FIRST
    assert frame["offset"].is_sorted()
    assert (frame["probabilities"].list.len() == 2).all()
    assert isinstance(await site.stream().outcomes(last=1, backend="pyarrow"), pa.Table)


async def test_the_newest_outcomes_are_the_end_of_all_and_a_span_is_by_the_time_of_the_log(site: Site) -> None:
    stream = site.stream()
    frame = await stream.outcomes()
    for last in (1, 100, len(frame) + 100):
        assert (await stream.outcomes(last=last)).equals(frame.tail(last))
    first, end = frame["label_time"].min(), frame["label_time"].max()
    middle = first + (end - first) / 2
    before, after = await stream.outcomes(stop=middle), await stream.outcomes(start=middle)
    assert pl.concat([before, after]).equals(frame)
    assert len(before)
    assert len(after)
    assert (await stream.outcomes(stop=middle, last=5)).equals(before.tail(5))
    assert (await stream.outcomes(first - timedelta(days=2), first - timedelta(days=1))).is_empty()


async def test_the_newest_are_counted_by_their_labels(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_file, "GROUP_ROWS", 7)
    key = (OUTCOMES.name("penstock", site.name), 0)
    labelled = site.sources.log.records_of(key)  # type: ignore[attr-defined]
    log = MemoryLog()
    await log.create([NewTopic(key[0], 1)])
    for record in labelled[:60]:
        log.append([RecordBatch.single(*key, b"", value) for value in (record.value, b"?", b"?")])
    stream = site.stream(log=log)
    everything = await stream.outcomes()
    assert everything["offset"].to_list() == list(range(0, 180, 3))
    for last in (1, 7, 50, 70):
        assert (await stream.outcomes(last=last)).equals(everything.tail(last))


async def test_wrong_spans_are_refused_in_words(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, noon = site.stream(), (await site.stream().outcomes(last=1))["time"][0]
    with pytest.raises(Refused, match="not both"):
        await stream.outcomes(noon, last=3)
    with pytest.raises(Refused, match="not before the end"):
        await stream.outcomes(noon, noon)
    with pytest.raises(Refused, match="last: Input should be greater"):
        await stream.outcomes(last=0)
    with pytest.raises(Refused, match="No stream 'other'"):
        await site.client().stream("other").outcomes()
    monkeypatch.setattr(outcome_file, "MOST_ROWS", 10)
    with pytest.raises(Refused, match="more than 10 labelled outcomes"):
        await stream.outcomes()


async def test_a_field_keeps_its_name_and_what_is_named_so_gives_way(site: Site) -> None:
    declaration = site.sources.stream(site.name)[0].declaration
    fields = dict.fromkeys(["time", "event.time", "amount"], next(iter(declaration.fields.values())))
    names = list(outcome_file.column_names(declaration.model_copy(update={"fields": fields})).values())
    assert len(names) == len(set(names))
    assert names[4:] == ["event.event.time", *list(outcome_file.OWN)[5:8], *names[8:12], "time", "event.time", "amount"]


async def test_sql_is_a_frame(site: Site) -> None:
    client = site.client()
    frame = await client.sql("select stream, id, sum(version) as s from predictions group by all order by id")
    assert frame.rows() == [(site.name, "e0", 0), (site.name, "e1", 1)]
    assert frame.schema["s"] == pl.Int64
    assert (await client.sql("select 1 as one from rejected")).is_empty()
    table = await client.sql("select count(*) as n from predictions", streams=[site.name], backend="pyarrow")
    assert table.to_pylist() == [{"n": 2}]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select * from read_text('/etc/passwd')", "Permission Error"),
        ("copy predictions to '/tmp/out.parquet'", "Give one SELECT statement"),
        ("select nothing from predictions", "Binder Error"),
        ("select 'a'::int from predictions", "Conversion Error"),
        ("select case when version = 1 then error('no') end as e from predictions", "no"),
        ("select id, id from predictions", "2 columns are named 'id'"),
        ("select interval 1 day as day", "is an interval"),
        ("select 9223372036854775807::hugeint + 1 as n", "more than 64 bits"),
        ("select * from range(11)", "more than 10 rows"),
    ],
)
async def test_sql_that_is_wrong_is_refused_in_a_line(
    site: Site, query: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_file, "MOST_ROWS", 10)
    with pytest.raises(Refused, match=words) as refused:
        await site.client().sql(query)
    assert (refused.value.status, "\n" in refused.value.detail) == (422, False)


async def test_sql_is_ended_in_time_and_others_are_answered_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_file, "MOST_SECONDS", 3)
    query = "select count(*) as n from range(1000000000000) where range % 7 = 1"
    endless = asyncio.ensure_future(site.client().sql(query))
    assert len(await site.stream().outcomes(last=3)) == 3
    assert not endless.done()
    with pytest.raises(Refused, match="took longer than 3 s"):
        await endless


async def test_a_question_is_taken_from_programs_and_not_from_other_pages(site: Site) -> None:
    transport = Network(site.sources, site.registry)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        question = {"query": "select 1 as one"}
        for headers in ({"origin": "http://evil.example"}, {"content-type": "text/plain"}):
            refused = await client.post("/v1/sql", json=question, headers=headers)
            assert refused.status_code == 403
        answer = await client.post("/v1/sql", json=question)
        assert answer.status_code == 200
        unread = await client.post("/v1/sql", json={"question": "select 1"})
        assert (unread.status_code, unread.json()["detail"]) == (422, "query: Field required")


async def test_a_model_answers_as_it_did_online(site: Site) -> None:
    stream = site.stream()
    model, frame = await stream.model(), await stream.outcomes()
    served = frame.filter(pl.col("version") == model.description["version"])
    assert len(served) > 50
    assert model.predict(served).tolist() == served["prediction"].to_list()
    np.testing.assert_allclose(model.predict_proba(served), np.array(served["probabilities"].to_list()), rtol=1e-9)
    assert model.predict(served.to_dicts()[0]).tolist() == served["prediction"].to_list()[:1]
    assert model.predict(served.to_arrow()).tolist() == model.predict(served.to_dicts()).tolist()


async def test_a_model_is_an_estimator_for_scikit_learn(site: Site) -> None:
    stream = site.stream()
    model, frame = await stream.model(1), await stream.outcomes(last=100)
    assert model.classes_.tolist() == ["no", "yes"]
    assert is_classifier(model)
    assert accuracy_score(frame["label"], model.predict(frame)) == model.score(frame, frame["label"])
    matrix = model.features(frame)
    assert matrix.shape == (100, len(model.description["columns"]))
    fitted = model.estimator.predict_proba(matrix)
    assert fitted.shape == (100, 2)
    folds = cross_val_score(model, frame, frame["label"].to_numpy(), cv=2)  # clones it, and asks it to fit
    assert folds.mean() == pytest.approx(model.score(frame, frame["label"]))


async def test_rows_that_the_model_cannot_take_are_named(site: Site) -> None:
    stream = site.stream()
    model, frame = await stream.model(), await stream.outcomes(last=2)
    name = next(one["name"] for one in model.description["inputs"] if one["kind"] == "number")
    for rows, words in (
        (frame.drop(name), f"no column '{name}'"),
        (frame.with_columns(pl.lit("much").alias(name)), "finite numbers; 'much'"),
        (frame.with_columns(pl.lit(float("inf")).alias(name)), "finite numbers; inf"),
    ):
        with pytest.raises(PenstockError, match=words):
            model.predict(rows)
    unknown = model.predict(frame.with_columns(pl.lit(None).alias(name)))
    assert len(unknown) == 2


async def test_what_is_no_estimator_is_refused_with_the_words_of_the_command(site: Site) -> None:
    stream = site.stream()
    for version, member, words in ((0, None, "not trained on any field"), (1, 2, "no blend"), (99, None, "99")):
        with pytest.raises(Refused, match=words):
            await stream.model(version, member=member)
    with pytest.raises(Refused, match="PENSTOCK_TRUSTED_KEYS"):
        await site.stream(models=None).model()
