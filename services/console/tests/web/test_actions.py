"""Commands from the console's pages: what each says, the one command that it sends, and what comes of faults."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from .stream_site import STREAM, StreamSite, hidden, stream_site, words


@pytest.fixture
async def site() -> AsyncIterator[StreamSite]:
    """Version 1 serves since epoch 1; the gates kept version 2 back."""
    async with stream_site() as made:
        await made.train(1)
        await made.train(2, gain=-0.2)
        yield made


async def give(site: StreamSite, action: str) -> None:
    """Carry an action out, as a step on the way to another."""
    assert (await site.post(f"/actions/{action}", await site.signed(f"/actions/{action}"))).status_code == 303
    await site.follow()


COMMANDS: list[tuple[tuple[str, ...], str, str, dict[str, Any], str, str]] = [
    ((), "promote?version=2", "promote", {"version": 2, "expected_epoch": 1},
     "It did not pass the gates: it serves all the same", "Done: version 2 is the champion."),
    ((), "rollback", "rollback", {"to_version": 0, "expected_epoch": 1},
     "From epoch 2 on version 0 (baseline) answers every event of loans-2, in place of version 1. Then the stream is"
     " held", "Done: version 0 answers again, and the stream is held."),
    (("rollout-start?version=2", "rollout-abort"), "put-back?epoch=2", "rollback",
     {"to_epoch": 2, "expected_epoch": 3},
     "From epoch 4 on version 1 (linear) is the champion, in place of version 1. Beside it version 2 5.0 % answers"
     " again: the rollout by canary, paused", "Done: what served then answers again, version 1 as champion"),
    ((), "hold", "rollback", {"to_version": 1, "expected_epoch": 1},
     "Version 1 goes on answering; the epoch stays 1.", "Done: the stream is held at version 1."),
    (("hold",), "release", "release", {},
     "when a candidate passes the gates, it is promoted at once", "Done: the hold is lifted; version 1 answers."),
    ((), "retrain", "retrain", {}, "A model is trained now", "Done: a training is asked for."),
    ((), "pause", "pause", {"intake": False}, "No training is asked for. One under way may end",
     "Done: the stream is paused; version 1 goes on answering."),
    (("pause",), "pause-intake", "pause", {"intake": True}, "Events, labels and predictions over HTTP are refused",
     "Done: the stream is paused, and takes nothing in."),
    (("pause-intake",), "pause", "pause", {"intake": False}, "Its intake is opened again",
     "Done: the stream is paused"),
    (("pause-intake",), "resume", "resume", {}, "what waits in Kafka is read. What fell due meanwhile is decided anew",
     "Done: the stream goes on; version 1 answers."),
    ((), "rollout-start?version=2", "rollout", {"versions": [2], "mode": "canary", "steps": [0.05, 0.2, 0.5]},
     "Step 2 of 3: version 2 answers 20.0 % of the values of customer, version 1 the other 80.0 %.",
     "Done: the rollout has started beside version 1."),
    ((), "rollout-start?version=2&mode=ab&steps=0.3", "rollout", {"versions": [2], "mode": "ab", "steps": [0.3]},
     "Version 2 answers 30.0 % of the values of customer, version 1 the other 70.0 %.",
     "Done: the rollout has started beside version 1."),
    (("rollout-start?version=2",), "rollout-pause", "rollout/pause", {},
     "The shares stay as they are: version 1 answers 95.0 %, version 2 answers 5.0 %.", "Done: the rollout is paused."),
    (("rollout-start?version=2", "rollout-pause"), "rollout-resume", "rollout/resume", {},
     "With the next block of outcomes it is judged again", "Done: the rollout goes on."),
    (("rollout-start?version=2",), "rollout-abort", "rollout/abort", {},
     "From epoch 3 on version 1 answers every event again.",
     "Done: the rollout has ended; version 1 answers everything."),
    (("rollout-start?version=2",), "rollout-promote", "rollout/promote", {},
     "From epoch 3 on version 2 (linear) answers every event of loans-2, in place of version 1. The rollout by canary"
     " of version 2 ends", "Done: version 2 is the champion, and the rollout has ended."),
]  # fmt: skip


@pytest.mark.parametrize(("before", "action", "path", "body", "said", "done"), COMMANDS, ids=lambda v: str(v)[:24])
async def test_an_action_says_what_happens_sends_one_command_and_tells_what_came_of_it(
    site: StreamSite, before: tuple[str, ...], action: str, path: str, body: dict[str, Any], said: str, done: str
) -> None:
    for step in before:
        await give(site, step)
    assert said in words(await site.get(f"/actions/{action}"))
    fields = await site.signed(f"/actions/{action}")
    sent = len(site.network.commands)
    response = await site.post(f"/actions/{action}", fields)
    assert response.status_code == 303
    (command,) = site.network.commands[sent:]
    assert command.url.path == f"/v1/streams/{STREAM}/{path}"
    reason = "reason" if action in ("pause", "pause-intake", "resume") else "detail"
    assert json.loads(command.content) == body | {reason: "because"}
    assert (command.headers["x-penstock-actor"], command.headers["idempotency-key"]) == ("ann", fields["key"])
    assert done in words(await site.client.get(response.headers["location"]))


@pytest.mark.parametrize(
    ("decision", "said", "done"),
    [
        ("approve", "From epoch 3 on version 3 (linear) answers every event", "version 3 is the champion"),
        ("decline", "The registry will not promote version 3 in place of version 0.", "version 0 stays the champion"),
    ],
)
async def test_a_proposal_is_shown_with_its_evidence_and_decided(
    site: StreamSite, decision: str, said: str, done: str
) -> None:
    await give(site, "rollback")
    await site.train(3)
    page = await site.get("/training")
    assert "It waits: held since the rollback at epoch 2 by ann." in words(page)
    assert "gain +0.1 (+0.05 to +0.15)" in words(page)
    action = f"{decision}?proposal=1"
    assert f"/streams/{STREAM}/actions/{action}" in page.text
    assert said in words(await site.get(f"/actions/{action}"))
    response = await site.post(f"/actions/{action}", await site.signed(f"/actions/{action}"))
    command = site.network.commands[-1]
    assert (command.url.path, json.loads(command.content)) == (f"/v1/proposals/1/{decision}", {"reason": "because"})
    assert done in words(await site.client.get(response.headers["location"]))
    again = await site.get(f"/actions/{action}")
    assert again.status_code == 409
    assert "by ann: because" in words(again)


async def test_buttons_are_there_where_they_make_sense(site: StreamSite) -> None:
    async def offered(path: str) -> set[str]:
        text = (await site.get(path)).text
        return {part.split('"')[0] for part in text.split(f"/streams/{STREAM}/actions/")[1:]}

    pauses = {"pause", "pause-intake"}
    assert await offered("") == {"rollback", "hold", "retrain", "put-back?epoch=0"} | pauses
    assert await offered("/models/1") == set()
    assert await offered("/models/2") == {"promote?version=2", "rollout-start?version=2"}
    assert await offered("/models/0") == {"promote?version=0", "rollout-start?version=0", "rollback?version=0"}
    await give(site, "hold")
    await give(site, "rollout-start?version=2")
    rollout = {"rollout-pause", "rollout-abort", "rollout-promote"}
    back = {"put-back?epoch=0", "put-back?epoch=1"}
    assert await offered("") == {"rollback", "release", "retrain"} | rollout | back | pauses
    await give(site, "pause")
    ends = {"rollout-abort", "rollout-promote"}
    assert await offered("") == {"rollback", "release", "resume", "pause-intake"} | ends | back
    assert await offered("/models/0") == {"promote?version=0", "rollback?version=0"}


async def test_pressing_twice_sends_once_and_both_see_what_came_of_it(site: StreamSite) -> None:
    fields = await site.signed("/actions/rollback")
    answers = await asyncio.gather(*(site.post("/actions/rollback", fields) for _ in range(2)))
    answers.append(await site.post("/actions/rollback", fields))
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {
        (303, f"/streams/{STREAM}?done=rollback.rolled_back.0")
    }
    assert len(site.network.commands) == 1


@pytest.mark.parametrize("action", ["promote?version=2", "rollback", "hold", "retrain", "rollout-start?version=2"])
async def test_a_change_meanwhile_is_refused_in_words_and_the_page_shown_anew(site: StreamSite, action: str) -> None:
    fields = await site.signed(f"/actions/{action}", reason="<b>mine</b>")
    await site.train(3)
    sent = len(site.network.commands)
    response = await site.post(f"/actions/{action}", fields)
    assert response.status_code == 409
    assert f"{STREAM} is at epoch 2 by now, and this page told of epoch 1: nothing was sent." in words(response)
    assert 'role="alert"' in response.text
    assert "&lt;b&gt;mine&lt;/b&gt;" in response.text
    assert site.network.commands[sent:] == []
    assert hidden(response.text)["epoch"] == "2"
    again = await site.post(f"/actions/{action}", fields | hidden(response.text))
    assert again.status_code == 303


async def test_what_the_registry_itself_refuses_is_shown_with_what_was_typed(site: StreamSite) -> None:
    fields = await site.signed("/actions/promote?version=2")
    site.network.meanwhile = lambda: site.train(3)
    response = await site.post("/actions/promote?version=2", fields)
    assert response.status_code == 409
    assert "The registry refused: " in words(response)
    assert "because" in response.text
    assert "in place of version 3" in words(response)
    assert hidden(response.text)["key"] != fields["key"]
    again = await site.post("/actions/promote?version=2", fields | hidden(response.text))
    assert again.status_code == 303


async def test_a_registry_that_is_down_keeps_what_was_typed_and_its_key(site: StreamSite) -> None:
    fields = await site.signed("/actions/retrain")
    site.network.is_down = True
    response = await site.post("/actions/retrain", fields)
    assert response.status_code == 503
    assert "does not answer" in words(response)
    assert "because" in response.text
    assert hidden(response.text) == {"key": fields["key"], "epoch": "1"}
    assert (await site.get("/actions/retrain")).status_code == 503
    site.network.is_down = False
    assert (await site.post("/actions/retrain", fields | hidden(response.text))).status_code == 303
    assert site.audit().count(("retrain.requested", "ann")) == 1


async def test_an_answer_that_is_lost_does_not_do_it_twice(site: StreamSite) -> None:
    fields = await site.signed("/actions/retrain")
    site.network.lose_answers = True
    response = await site.post("/actions/retrain", fields)
    assert response.status_code == 503
    assert "Whether it was done is not known." in words(response)
    site.network.lose_answers = False
    assert (await site.post("/actions/retrain", fields | hidden(response.text))).status_code == 303
    assert len(site.network.commands) == 2
    assert site.audit().count(("retrain.requested", "ann")) == 1


async def test_a_rollback_whose_answer_is_lost_goes_back_one_model_only(site: StreamSite) -> None:
    await site.train(3)
    fields = await site.signed("/actions/rollback")
    site.network.lose_answers = True
    response = await site.post("/actions/rollback", fields)
    site.network.lose_answers = False
    unread = await site.get("/actions/rollback")
    assert (unread.status_code, "has not read epoch 3 of loans-2 yet" in words(unread)) == (503, True)
    await site.follow()
    again = await site.post("/actions/rollback", fields | hidden(response.text))
    assert again.status_code == 409
    assert "at epoch 3 by now, and this page told of epoch 2: nothing was sent." in words(again)
    assert "Roll back to version 0" in words(again)
    assert len(site.network.commands) == 1


async def test_a_command_from_another_page_is_refused(site: StreamSite) -> None:
    fields = await site.signed("/actions/rollback")
    for origin in ("http://evil.example", "null", "http://localhost:9"):
        assert (await site.post("/actions/rollback", fields, origin)).status_code == 403
    assert site.network.commands == []


BAD_FORMS: list[tuple[dict[str, str], int, str]] = [
    ({"actor": ""}, 422, "Say who you are"),
    ({"actor": "<b>"}, 422, "Say who you are"),
    ({"reason": "  "}, 422, "Say why: the audit log keeps it."),
    ({"reason": "x" * 1001}, 422, "At most 1,000 characters; these are 1,001."),
    ({"key": "mine"}, 400, "open the page anew"),
    ({"epoch": "-1"}, 400, "open the page anew"),
    ({"reason": "x" * 500_000}, 400, "larger than 400 kB"),
]


async def test_a_form_that_is_not_filled_in_sends_nothing(site: StreamSite) -> None:
    signed = await site.signed("/actions/hold")
    for changes, status, said in BAD_FORMS:
        response = await site.post("/actions/hold", signed | changes)
        assert (response.status_code, said in words(response)) == (status, True), changes
    assert site.network.commands == []


async def test_the_first_field_that_is_not_in_order_has_the_focus(site: StreamSite) -> None:
    signed = await site.signed("/actions/hold")
    for bad, focused in ((("actor", "reason"), "actor"), (("actor",), "actor"), (("reason",), "reason"), ((), None)):
        response = await site.post("/actions/hold", signed | dict.fromkeys(bad, ""))
        found = re.findall(r'id="(\w+)"[^>]* autofocus', response.text)
        assert found == ([focused] if focused else []), bad


SENSELESS: list[tuple[str, int, str]] = [
    ("loans-2/actions/burn", 404, "There is no action 'burn'"),
    ("loans-2/actions/release", 409, "Stream loans-2 is not held"),
    ("loans-2/actions/rollout-abort", 409, "No rollout of loans-2 is under way."),
    ("loans-2/actions/promote", 422, "The address names no version."),
    ("loans-2/actions/promote?version=1", 409, "Version 1 of loans-2 is the champion already."),
    ("loans-2/actions/promote?version=9", 404, "Stream loans-2 has no version 9."),
    ("loans-2/actions/rollback?version=2", 409, "Version 2 of loans-2 never served: promote it instead."),
    ("loans-2/actions/rollout-start?version=2&mode=blue", 422, "There is no rollout by 'blue'"),
    ("loans-2/actions/rollout-start?version=2&steps=0.5,0.2", 422, "Shares lie between 0 and 1 and rise"),
    ("loans-2/actions/rollout-start?version=2&steps=nan", 422, "Shares lie between 0 and 1 and rise"),
    ("loans-2/actions/approve?proposal=7", 404, "Stream loans-2 has no proposal 7"),
    ("..%2Fmodels/actions/hold", 404, ""),
    ("a%00b%3Cb%3E/actions/hold", 404, "No stream 'a\\x00b<b>' is declared."),
]


async def test_an_action_that_makes_no_sense_says_so(site: StreamSite) -> None:
    for path, status, said in SENSELESS:
        response = await site.client.get(f"/streams/{path}")
        assert (response.status_code, said in words(response)) == (status, True), path


async def test_a_notice_holds_no_text_of_others(site: StreamSite) -> None:
    response = await site.get("?done=promote.promoted.7<b>Call 555</b>")
    assert "555" not in response.text
    assert "555" not in (await site.get("?done=You+have+won+555")).text
