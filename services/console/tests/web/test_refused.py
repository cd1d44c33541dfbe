"""What a stream refused, on a page: counted, previewed, released and dropped, each signed and noted once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from penstock.console.web.pages import refusals
from penstock.console.web.repairs import repair_work
from penstock.contracts.topics import EVENTS

from .stream_site import DECLARATION, STREAM, StreamSite, hidden, stream_site, words

SCRIPT = "<script>alert(1)</script>"


def event(event_id: str, amount: Any) -> bytes:
    envelope = {"specversion": "1.0", "type": "penstock.event.v1", "source": "till", "id": event_id}
    record = {**envelope, "time": "2026-05-01T11:00:00Z", "data": {"customer": "c1", "amount": amount}}
    return json.dumps(record, separators=(",", ":")).encode()


@pytest.fixture
async def site() -> AsyncIterator[StreamSite]:
    """Of seven records four have a number as text, one of those an id of HTML, and two are out of range."""
    async with stream_site() as made:
        texts = [event(f"t{number}", f"{number}.5") for number in range(3)]
        await made.receive(*texts, event(SCRIPT, "x"), event("low", -1), event("lower", -2), event("good", 1))
        yield made


async def preview(site: StreamSite, **fields: str) -> httpx.Response:
    return await followed(site, await site.post("/refused", {"topic": "rejected", **fields}))


async def carry_out(site: StreamSite, page: httpx.Response, step: str, **changes: str) -> httpx.Response:
    signed = hidden(page.text) | {"actor": "ann", "reason": "a fault of ours", "step": step} | changes
    path = page.url.path.removeprefix(f"/streams/{STREAM}")
    return await followed(site, await site.post(path, signed))


async def followed(site: StreamSite, response: httpx.Response) -> httpx.Response:
    return response if response.status_code != 303 else await site.client.get(response.headers["location"])


def accepted(site: StreamSite) -> list[str]:
    """The ids of all events that were accepted."""
    name = EVENTS.name("penstock", STREAM)
    raw = [r for number in range(DECLARATION.partition_count) for r in site.process.log.records_of((name, number))]
    decode = EVENTS.decoder(site.sources.stream(STREAM)[0])
    return [record.id for record in decode(raw)]


async def test_what_is_left_is_counted_by_reason_and_shown_escaped(site: StreamSite) -> None:
    page = await site.get("/refused")
    assert "wrong_type amount 4" in words(page)
    assert "out_of_range amount 2" in words(page)
    assert SCRIPT in words(page).replace("&lt;", "<")
    assert SCRIPT not in page.text
    assert f"/streams/{STREAM}/refused?topic=rejected&amp;code=wrong_type&amp;field=amount#repair" in page.text
    chosen = await site.get("/refused?topic=rejected&code=wrong_type&field=amount")
    assert 'name="code" value="wrong_type"' in chosen.text
    assert "Nothing is left." in words(await site.get("/refused?topic=dead-letters"))
    assert (await site.get("/refused?topic=burnt")).status_code == 422
    assert (await site.client.get("/streams/a/refused")).status_code == 404


async def test_a_page_that_looks_at_a_part_says_of_what(site: StreamSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MOST_COUNTED", 3 * DECLARATION.partition_count)
    page = words(await site.get("/refused"))
    assert "Of 6 records on the topic, this page looks at the newest 3: its figures are of those alone." in page
    assert "wrong_type amount 1" in page


async def test_records_are_previewed_with_a_rule_that_is_not_in_force_and_released_once(site: StreamSite) -> None:
    page = await preview(site, code="wrong_type", cast="amount=number")
    assert "3 of 4 records would be accepted now, 1 would be refused." in words(page)
    assert '"amount": "1.5"' in words(page)
    assert '"amount": 1.5' in words(page)
    assert SCRIPT not in page.text
    assert accepted(site) == ["good"], "a preview sends nothing"
    assert site.network.commands == []
    done = await carry_out(site, page, "release")
    assert "The rule is in force; it changes 3 records. 3 of 4 records were released, 1 were refused." in words(done)
    assert sorted(accepted(site)) == ["good", "t0", "t1", "t2"]
    steps = ["repair.edited", "repair.began", "repair.released"]
    assert [(action, who) for action, who in site.audit() if action.startswith("repair.")] == [
        (s, "ann") for s in steps
    ]
    left = words(await site.get("/refused"))
    assert "wrong_type amount 1" in left
    assert "3 were released since" in left
    assert "by ann (a fault of ours)" in left


async def test_pressing_release_twice_is_one_release(site: StreamSite) -> None:
    page = await preview(site, code="wrong_type", cast="amount=number")
    first = await carry_out(site, page, "release")
    commands = len(site.network.commands)
    second = await carry_out(site, page, "release")
    assert first.url == second.url
    assert "3 of 4 records were released" in words(second), "what came of the first"
    assert len(site.network.commands) == commands


async def test_a_rule_that_is_in_force_already_releases_what_came_since(site: StreamSite) -> None:
    await carry_out(site, await preview(site, code="wrong_type", cast="amount=number"), "release")
    await site.receive(event("t9", "9"))
    page = await preview(site, code="wrong_type", cast="amount=number")
    assert "1 of 2 records were released" in words(await carry_out(site, page, "release"))
    assert "t9" in accepted(site)


async def test_records_are_dropped_but_never_all_of_a_topic_at_once(site: StreamSite) -> None:
    page = await preview(site, code="out_of_range")
    assert "0 of 2 records would be accepted now, 2 would be refused." in words(page)
    assert "2 records are dropped." in words(await carry_out(site, page, "drop"))
    assert "out_of_range" not in words(await site.get("/refused"))
    everything = await preview(site)
    refusal = await carry_out(site, everything, "drop")
    assert (refusal.status_code, "Say which records are dropped" in words(refusal)) == (422, True)


async def test_a_repair_looks_at_so_many_records_and_says_so(site: StreamSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair_work, "MOST_REPAIRED", 1)
    page = words(await preview(site))
    assert "There may be more: this looked at the first 6 of those selected." in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cast": "amount=money"}, "Input should be 'number', 'integer', 'boolean' or 'text'"),
        ({"at": "here"}, "'here': expected a record as PARTITION:OFFSET"),
        ({"since": "noon"}, "Input should be a valid datetime"),
        ({"set": "amount"}, "--set amount: expected NAME=VALUE"),
        ({"topic": "burnt"}, "'burnt' is neither of rejected, dead-letters"),
    ],
)
async def test_an_order_that_is_wrong_is_shown_with_what_was_typed(
    site: StreamSite, fields: dict[str, str], said: str
) -> None:
    response = await site.post("/refused", {"topic": "rejected", "id": "<i>", **fields})
    assert response.status_code == 422
    assert said in words(response)
    assert 'role="alert"' in response.text
    assert 'value="&lt;i&gt;"' in response.text


async def test_a_repair_is_signed_and_comes_from_the_console(site: StreamSite) -> None:
    page = await preview(site, code="wrong_type", cast="amount=number")
    unsigned = await carry_out(site, page, "release", actor="", reason="")
    assert unsigned.status_code == 422
    assert "Say who you are" in words(unsigned)
    path = page.url.path.removeprefix(f"/streams/{STREAM}")
    signed = hidden(page.text) | {"actor": "ann", "reason": "r", "step": "release"}
    assert (await site.post(path, signed, "http://evil.example")).status_code == 403
    assert (await site.post("/refused/jobs/" + "0" * 32, signed)).status_code == 404
    assert site.network.commands == []


async def test_a_repair_that_cannot_be_done_ends_in_words(site: StreamSite) -> None:
    page = await preview(site, code="out_of_range", remove="absent")
    ended = await carry_out(site, page, "release")
    assert "It ended early: no record that is left would be changed by this; nothing was noted" in words(ended)
    assert site.network.commands == []


async def test_one_repair_is_done_at_a_time(site: StreamSite) -> None:
    page = await preview(site, code="out_of_range")
    refused_then = []

    async def another() -> None:
        refused_then.append(await site.post("/refused", {"topic": "rejected"}))

    site.network.meanwhile = another
    assert "2 records are dropped." in words(await carry_out(site, page, "drop"))
    assert refused_then[0].status_code == 422
    assert f"a drop of {STREAM} is under way: one is done at a time" in words(refused_then[0])
