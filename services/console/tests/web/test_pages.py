"""The console's pages over the log of a whole loop in one process, and before the registry's own app."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import httpx
import pytest
import pytest_asyncio

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.follower import TopicFollower
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.lineage.places import TopicReader
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.views.ledger_report import read_ledger
from penstock.console.views.ledger_table import ledger_document
from penstock.console.web.app import console_app
from penstock.console.web.live.answer_rates import AnswerRates
from penstock.console.web.live.deployment_history import FOLLOWED, DeploymentHistory
from penstock.console.web.live.live_feed import LiveFeed
from penstock.console.web.recent_value import RecentValue
from penstock.console.web.registry_reader import RegistryReader
from penstock.console.web.service_probe import ServiceProbe
from penstock.console.web.sources import Sources, recent_lags, recent_services
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import PREDICTIONS

COUNT, DELAY, CHUNK, FIRST = 450, 20, 30, 150
ORIGIN = "http://localhost"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Site:
    """A console over a finished run, and the address of the stream's pages."""

    sources: Sources
    stream: str

    def client(self, sources: Sources | None = None) -> httpx.AsyncClient:
        shown = sources or self.sources
        app = console_app(shown, LiveFeed(shown.history, shown.rates))
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)

    async def get(self, path: str, sources: Sources | None = None) -> httpx.Response:
        async with self.client(sources) as client:
            return await client.get(path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    declaration = demo_declaration()
    retrain = declaration.retrain.model_copy(update={"first_after": FIRST})
    async with in_process_deployment(declaration.model_copy(update={"retrain": retrain})) as deployment:
        sender = ReplaySender(CreditRisk(COUNT, COUNT // 2), deployment)
        await replay_in_stream_time(sender, DELAY, CHUNK, lambda _: None)
        await deployment.watch.read_to_end()
        namespace, history, streams = "penstock", DeploymentHistory(), Streams()
        for topic in FOLLOWED:
            await TopicFollower(deployment.log, namespace, topic, history.apply).start()
        streams.apply(deployment.watch.stream)
        rates = AnswerRates(deployment.log, namespace, streams)
        await rates.look()
        sources = Sources(
            log=deployment.log,
            namespace=namespace,
            history=history,
            rates=rates,
            registry=RegistryReader("http://registry", httpx.ASGITransport(deployment.registry_app)),
            services=recent_services(ServiceProbe({"registry": "http://registry"}, _well())),
            lags=recent_lags(deployment.log, namespace),
            artifacts=str(deployment.artifacts),
            trace_viewer="",
            models=deployment.models,
        )
        yield Site(sources, deployment.watch.stream.name)


def _well() -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(200, json={"ready": True, "version": "1.2.3"}))


def _down() -> httpx.MockTransport:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    return httpx.MockTransport(refuse)


class Outline(HTMLParser):
    """Which ids, scripts and elements a page has; AssertionError where an element is closed wrongly."""

    VOID = frozenset({"meta", "link", "input", "path", "br", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.tags.append(tag)
        self.ids += [own["id"]] if own.get("id") else []  # type: ignore[list-item]
        self.loaded += [text for name in ("src", "data-plotly") if (text := own.get(name))]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag


PAGES = ("/", "/alerts", "/decisions", "/predictions", "/audit")
STREAM_PAGES = ("", "/answers", "/features", "/training", "/models", "/models/0", "/models/1?with=0", "/predictions")


async def test_every_page_is_well_formed_and_loads_only_from_the_console(site: Site) -> None:
    for path in [*PAGES, *(f"/streams/{site.stream}{page}" for page in STREAM_PAGES)]:
        response = await site.get(path)
        assert response.status_code == 200, path
        outline = Outline(response.text)
        assert len(outline.ids) == len(set(outline.ids)), path
        assert outline.tags.count("h1") == 1, path
        assert outline.loaded, path
        assert all(text.startswith("/static/") for text in outline.loaded), outline.loaded


async def test_what_a_page_loads_is_there_and_kept(site: Site) -> None:
    page = (await site.get(f"/streams/{site.stream}")).text
    for path in Outline(page).loaded:
        response = await site.get(path)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]


async def test_the_overview_has_streams_services_and_their_lag(site: Site) -> None:
    page = (await site.get("/")).text
    assert f'href="/streams/{site.stream}"' in page
    assert f'data-answers="{site.stream}">{COUNT}' in page
    assert "1.2.3" in page


async def test_the_page_of_a_stream_has_its_score_and_what_the_trigger_waits_for(site: Site) -> None:
    page = (await site.get(f"/streams/{site.stream}")).text
    assert "Accuracy over event time" in page
    assert "What the retrain trigger waits for" in page
    assert "version 1" in page


async def test_answers_and_features_have_charts_with_tables(site: Site) -> None:
    answers = (await site.get(f"/streams/{site.stream}/answers")).text
    assert [name for name in ("calibration", "confusion", "threshold") if f'id="{name}"' not in answers] == []
    features = (await site.get(f"/streams/{site.stream}/features")).text
    declared = site.sources.stream(site.stream)[0].declaration
    assert [name for name in declared.features if f'id="field-{name}"' not in features] == []
    assert features.count("<summary>Table") == len(declared.features)


async def test_a_model_has_its_evidence_lineage_and_tenure(site: Site) -> None:
    page = (await site.get(f"/streams/{site.stream}/models/1")).text
    assert "Champion</strong> in epoch" in page
    assert 'id="importance-1"' in page
    assert "first" in page
    assert "sha256:" in page


async def test_why_says_in_words_what_the_command_says(site: Site) -> None:
    page = (await site.get(f"/streams/{site.stream}/predictions")).text
    event = page.split(f"/streams/{site.stream}/predictions/")[1].split('"')[0]
    by_address = await site.get(f"/streams/{site.stream}/predictions/{event}")
    by_search = await site.get(f"/predictions?event={event}")
    assert by_address.status_code == by_search.status_code == 200
    assert "has been champion since epoch" in by_address.text
    assert "It was trained" in by_address.text
    assert "What each field added" in by_address.text
    forwarded = await site.get(f"/predictions?event={event}&stream={site.stream}")
    assert forwarded.headers["location"] == f"/streams/{site.stream}/predictions/{event}"


async def test_programs_get_what_the_commands_give_as_json(site: Site) -> None:
    ledger = (await site.get(f"/v1/streams/{site.stream}/ledger")).json()
    assert ledger == json.loads(
        json.dumps(ledger_document(await read_ledger(site.sources.log, "penstock", site.stream)), default=str)
    )
    declared, _ = site.sources.stream(site.stream)
    reader: TopicReader[Prediction] = TopicReader(site.sources.log, "penstock", PREDICTIONS, declared)
    event = [placed.record async for placed in reader.read_all()][-1]
    (answer,) = (await site.get(f"/v1/why/{event.id}")).json()["answers"]
    assert (answer["stream"], answer["prediction"]["record"]["id"]) == (site.stream, event.id)
    for path in ("/v1/why/nothing", "/v1/streams/other/ledger", "/v1/else"):
        missing = await site.get(path)
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_without_keys_no_model_is_opened_and_that_is_said(site: Site) -> None:
    page = (await site.get(f"/streams/{site.stream}/models/1", replace(site.sources, models=None))).text
    assert "no keys to check the signature" in page


@pytest.mark.parametrize(
    "path",
    [
        "/streams/none",
        "/streams/none/answers",
        "/streams/{stream}/models/99",
        "/streams/{stream}/predictions/none",
        "/x",
    ],
)
async def test_what_is_not_there_is_told_on_a_page(site: Site, path: str) -> None:
    response = await site.get(path.format(stream=site.stream))
    assert response.status_code == 404
    assert Outline(response.text).tags.count("h1") == 1


async def test_what_people_type_is_escaped(site: Site) -> None:
    response = await site.get("/predictions?event=<script>alert(1)</script>")
    assert response.status_code == 404
    assert "<script>alert" not in response.text


async def test_without_the_registry_the_followed_is_shown_and_the_rest_is_said_to_be_missing(site: Site) -> None:
    sources = replace(site.sources, registry=RegistryReader("http://registry", _down()))
    for path in ("/", f"/streams/{site.stream}", f"/streams/{site.stream}/training"):
        response = await site.get(path, sources)
        assert response.status_code == 200
        assert "does not answer" in response.text
    response = await site.get("/audit", sources)
    assert response.status_code == 503
    assert "does not answer" in response.text


async def test_a_service_that_is_down_is_named(site: Site) -> None:
    sources = replace(site.sources, services=recent_services(ServiceProbe({"trainer": "http://trainer"}, _down())))
    assert "takes no connections" in (await site.get("/", sources)).text


async def test_without_the_log_followed_pages_stay_and_others_say_so(site: Site) -> None:
    class SilentLog:
        async def beginning_offsets(self, _: object) -> dict[tuple[str, int], int]:
            raise BrokerUnavailable("the broker does not answer")

    silent = SilentLog()
    sources = replace(site.sources, log=silent, lags=RecentValue(_no_lags, 1))  # type: ignore[arg-type]
    assert (await site.get(f"/streams/{site.stream}", sources)).status_code == 200
    response = await site.get(f"/streams/{site.stream}/answers", sources)
    assert response.status_code == 503
    assert "Try again" in response.text


async def _no_lags() -> list[object]:
    return []


async def test_a_strange_host_and_a_command_from_elsewhere_are_refused(site: Site) -> None:
    async with site.client() as client:
        assert (await client.get("/", headers={"host": "evil.example"})).status_code == 403
        for origin in (None, "http://evil.example", "null"):
            headers = {} if origin is None else {"origin": origin}
            assert (await client.post("/", headers=headers)).status_code == 403
        assert (await client.post("/", headers={"origin": ORIGIN})).status_code == 405
        policy = (await client.get("/")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
