"""Each action as people give it: from the button on the page, signed, to what the registry says afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from services import ask_registry, command_registry

HELD, PROPOSED, REFUSED = "held", "proposed", "refused"
WHO = "ada@example.org"
LIMIT_S = 120


@pytest.fixture
def why() -> str:
    """A reason that the audit log has not seen yet."""
    return f"check {uuid4().hex[:12]}"


# --- what people do


def press(page: Page, path: str, button: str) -> None:
    """Press a button that leads to an action; the page is asked for until it knows of what makes it offer that."""
    link = page.get_by_role("link", name=button, exact=True)
    _until(lambda: page.goto(path) and link.count() == 1)
    link.click()


def sign(page: Page, who: str, why: str) -> None:
    page.get_by_label("Who").fill(who)
    page.get_by_label("Why").fill(why)
    _send_button(page).click()


def give(page: Page, path: str, button: str, why: str) -> None:
    """Give an action from the button on a page to the page that says it is done."""
    press(page, path, button)
    sign(page, WHO, why)
    expect(page.get_by_role("status").filter(has_text="Done:")).to_be_visible()


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def _send_button(page: Page) -> Locator:
    return page.get_by_role("form", name="Sign it").get_by_role("button")


# --- what is so before and afterwards


def stream(name: str) -> dict[str, Any]:
    return ask_registry(f"streams/{name}")


def rollout(name: str) -> dict[str, Any]:
    """The newest rollout; empty before the first."""
    try:
        return ask_registry(f"streams/{name}/rollout")
    except HTTPError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        return {}


def trained(name: str) -> int:
    """How many trainings have ended."""
    return sum(run["run"]["status"] != "started" for run in ask_registry(f"streams/{name}/runs")["runs"])


def noted(why: str) -> list[tuple[str, str]]:
    """By whom and as what the audit log keeps what was done for this reason."""
    entries, after = [], 0
    while after is not None:
        page = ask_registry(f"audit?limit=1000&after={after}")
        entries, after = entries + page["entries"], page["next"]
    return [(entry["actor"], entry["action"]) for entry in entries if why in str(entry["detail"])]


def hold(name: str) -> None:
    command_registry(f"streams/{name}/rollback", to_version=stream(name)["champion"])


def let_serve(name: str, version: int) -> None:
    """Let a version answer alone, without a hold."""
    if rollout(name).get("state", "ended") != "ended":
        command_registry(f"streams/{name}/rollout/abort")
    command_registry(f"streams/{name}/release")
    command_registry(f"streams/{name}/promote", version=version, expected_epoch=stream(name)["epoch"])


def let_try(name: str, version: int) -> None:
    """Let a version answer beside version 0."""
    let_serve(name, 0)
    command_registry(f"streams/{name}/rollout", versions=[version], mode="ab")


def obtain_proposal() -> int:
    """The number of a proposal that waits; where none does, one of a training of its own."""
    if not _waiting():
        let_serve(PROPOSED, 0)
        command_registry(f"streams/{PROPOSED}/retrain")
        _until(_waiting)
    return _waiting()[0]


def _waiting() -> list[int]:
    proposals = ask_registry(f"proposals?stream={PROPOSED}")["proposals"]
    return [proposal["proposal"] for proposal in proposals if proposal["state"] == "waiting"]


def _until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)  # it is polled


# --- the model that answers


def test_a_stream_is_held_by_keyboard_alone(page: Page, why: str) -> None:
    let_serve(HELD, 1)
    _until(lambda: page.goto(f"/streams/{HELD}") and page.get_by_role("link", name="Hold", exact=True).count())
    tab_to(page, page.get_by_role("link", name="Hold", exact=True))
    page.keyboard.press("Enter")
    expect(_send_button(page)).to_be_visible()
    tab_to(page, page.get_by_label("Who"))
    page.keyboard.type(WHO)
    page.keyboard.press("Tab")
    page.keyboard.type(why)
    page.keyboard.press("Tab")
    expect(_send_button(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Done: the stream is held at version 1.")).to_be_visible()
    assert stream(HELD)["hold"]["by"] == WHO
    assert noted(why) == [(WHO, "stream.held")]


def test_a_hold_is_lifted(page: Page, why: str) -> None:
    hold(HELD)
    give(page, f"/streams/{HELD}", "Lift the hold", why)
    assert stream(HELD)["hold"] is None
    assert noted(why) == [(WHO, "stream.released")]
    expect(page.get_by_role("link", name="Hold", exact=True)).to_be_visible()


def test_a_stream_is_rolled_back(page: Page, why: str) -> None:
    let_serve(HELD, 0)
    let_serve(HELD, 1)
    give(page, f"/streams/{HELD}", "Roll back", why)
    assert (stream(HELD)["champion"], stream(HELD)["hold"]["detail"]) == (0, why)


def test_a_version_is_promoted(page: Page, why: str) -> None:
    let_serve(HELD, 0)
    give(page, f"/streams/{HELD}/models/1", "Promote", why)
    assert (stream(HELD)["champion"], stream(HELD)["hold"]) == (1, None)
    assert noted(why) == [(WHO, "epoch.installed")]


def test_a_training_is_asked_for(page: Page, why: str) -> None:
    hold(HELD)  # so that nothing comes of it by itself
    before = trained(HELD)
    give(page, f"/streams/{HELD}", "Retrain", why)
    _until(lambda: trained(HELD) > before)


# --- rollouts


def test_a_rollout_is_started(page: Page, why: str) -> None:
    let_serve(HELD, 0)
    press(page, f"/streams/{HELD}/models/1", "Start a rollout")
    page.get_by_label("Rollout").select_option("ab")
    page.get_by_label("Shares in turn").fill("0.3")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_text("version 0 the other 70.0 %")).to_be_visible()
    sign(page, WHO, why)
    expect(page.get_by_role("heading", name="Rollout: ab, running")).to_be_visible()
    assert [(arm["version"], arm["share"]) for arm in rollout(HELD)["arms"]] == [(0, 0.7), (1, 0.3)]


def test_a_rollout_is_paused_and_goes_on(page: Page, why: str) -> None:
    let_try(HELD, 1)
    give(page, f"/streams/{HELD}", "Pause the rollout", why)
    assert rollout(HELD)["state"] == "paused"
    give(page, f"/streams/{HELD}", "Let the rollout go on", why)
    assert rollout(HELD)["state"] == "running"
    assert noted(why) == [(WHO, "rollout.paused"), (WHO, "rollout.resumed")]


def test_a_rollout_is_aborted(page: Page, why: str) -> None:
    let_try(HELD, 1)
    give(page, f"/streams/{HELD}", "Abort the rollout", why)
    assert (rollout(HELD)["state"], stream(HELD)["champion"]) == ("ended", 0)
    assert (WHO, "rollout.taken-back") in noted(why)


def test_a_challenger_is_promoted(page: Page, why: str) -> None:
    let_try(HELD, 1)
    give(page, f"/streams/{HELD}", "Promote the challenger", why)
    assert (rollout(HELD)["state"], stream(HELD)["champion"]) == ("ended", 1)


# --- proposals


@pytest.mark.parametrize(("button", "state"), [("Approve", "approved"), ("Decline", "declined")])
def test_a_proposal_is_decided(page: Page, why: str, button: str, state: str) -> None:
    number = obtain_proposal()
    give(page, f"/streams/{PROPOSED}/training", f"{button} proposal {number}", why)
    proposals = ask_registry(f"proposals?stream={PROPOSED}")["proposals"]
    decided = next(proposal for proposal in proposals if proposal["proposal"] == number)
    assert (decided["state"], decided["reason"]) == (state, why)
    assert (stream(PROPOSED)["champion"] == decided["version"]) == (state == "approved")


# --- what is refused, and forms that are not in order


def preview_one(page: Page, code: str, change: str = "") -> str:
    """Preview the repair of the newest record that was refused for this reason; its place."""
    page.goto(f"/streams/{REFUSED}/refused")
    place = page.get_by_role("row").filter(has_text=code).get_by_role("rowheader").get_by_role("link").first
    name = place.inner_text()
    place.click()
    expect(page.get_by_label("Places")).to_have_value(name)
    page.get_by_label("Set fields, one a line").fill(change)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("form", name="Carry it out")).to_be_visible()
    return name


def carry_out(page: Page, button: str, why: str) -> None:
    page.get_by_label("Who").fill(WHO)
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name=button, exact=True).click()


def is_left(page: Page, place: str) -> bool:
    page.get_by_role("link", name="All that is left").click()
    expect(page.get_by_role("heading", name="The newest")).to_be_visible()
    return page.get_by_role("link", name=place, exact=True).count() == 1


def test_a_refused_record_is_previewed_released_and_answered(page: Page, why: str) -> None:
    page.goto(f"/streams/{REFUSED}")
    before = int(page.locator(f'[data-answers="{REFUSED}"]').inner_text().replace(",", ""))
    place = preview_one(page, "wrong_type", change="x=1.5")
    expect(page.get_by_text("1 of 1 records would be accepted now")).to_be_visible()
    expect(page.get_by_role("group", name="As it is released")).to_contain_text("1.5")
    carry_out(page, "Release 1", why)
    expect(page.get_by_role("status")).to_contain_text("1 of 1 records were released")
    assert not is_left(page, place)
    assert noted(why)[0][0] == WHO
    page.goto(f"/streams/{REFUSED}")
    expect(page.locator(f'[data-answers="{REFUSED}"]')).to_have_text(f"{before + 1:,}", timeout=30_000)


def test_a_refused_record_is_dropped(page: Page, why: str) -> None:
    place = preview_one(page, "extra_field")
    expect(page.get_by_text("0 of 1 records would be accepted now")).to_be_visible()
    carry_out(page, "Drop 1", why)
    expect(page.get_by_role("status")).to_contain_text("1 records are dropped")
    assert not is_left(page, place)
    assert noted(why)[0][0] == WHO


def test_a_form_without_a_reason_says_so_and_sends_nothing(page: Page, why: str) -> None:
    let_serve(HELD, 1)
    press(page, f"/streams/{HELD}", "Hold")
    sign(page, WHO, "")
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    reason = page.get_by_label("Why")
    expect(reason).to_be_focused()
    expect(reason).to_have_accessible_description("Say why: the audit log keeps it.")
    expect(reason).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Who")).to_have_value(WHO)
    assert stream(HELD)["hold"] is None
    page.get_by_role("alert").get_by_role("link", name="reason").click()
    expect(reason).to_be_focused()
    page.keyboard.type(why)
    _send_button(page).click()
    expect(page.get_by_role("status").filter(has_text="Done:")).to_be_visible()
    assert noted(why) == [(WHO, "stream.held")]


def test_a_page_that_the_epoch_has_left_behind_sends_nothing(page: Page, why: str) -> None:
    let_serve(HELD, 0)
    press(page, f"/streams/{HELD}/models/1", "Promote")
    expect(page.get_by_text(re.compile("in place of version 0"))).to_be_visible()
    let_serve(HELD, 1)
    let_serve(HELD, 0)
    sign(page, WHO, why)
    expect(page.get_by_role("alert")).to_contain_text("nothing was sent. Read what would happen now.")
    assert (stream(HELD)["champion"], noted(why)) == (0, [])
    expect(page.get_by_label("Why")).to_have_value(why)
    _send_button(page).click()
    expect(page.get_by_role("status").filter(has_text="Done: version 1 is the champion.")).to_be_visible()
    assert stream(HELD)["champion"] == 1
