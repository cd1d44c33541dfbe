"""How people use the pages: by keyboard alone, offline, in their own theme, and watching what happens now."""

from __future__ import annotations

import os

from playwright.sync_api import Browser, Page, expect

from services import send_events

CONSOLE = os.environ["CONSOLE"]
DEMO = "credit-risk-1"


def test_a_stream_is_reached_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == DEMO:
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{CONSOLE}/streams/{DEMO}")


def test_the_theme_is_the_readers_and_stays(page: Page) -> None:
    page.goto("/")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    after = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert after != before
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == after


def test_every_chart_has_its_table(page: Page) -> None:
    page.goto(f"/streams/{DEMO}/answers")
    figures = page.locator("figure.chart")
    assert figures.count() == 3
    for n in range(figures.count()):
        figures.nth(n).get_by_text("Table").click()
        assert figures.nth(n).locator("tbody tr").count() > 1


def test_pages_work_without_a_script(browser: Browser) -> None:
    context = browser.new_context(base_url=CONSOLE, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name=DEMO, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(DEMO)
    page.get_by_role("link", name="Answers").click()
    page.get_by_text("Table").first.click()
    context.close()


def test_an_event_is_found_by_its_id_and_explained(page: Page) -> None:
    page.goto(f"/streams/{DEMO}/predictions")
    event = page.locator("tbody a").first.inner_text()
    page.goto("/predictions")
    page.get_by_label("Id of the event").fill(event)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(event)
    expect(page.get_by_text("It was trained")).to_be_visible()


def test_an_answer_is_counted_on_the_open_page(page: Page) -> None:
    page.goto("/streams/refused")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    before = int(page.locator('[data-answers="refused"]').inner_text().replace(",", ""))
    _send_events(7)
    expect(page.locator('[data-answers="refused"]')).to_have_text(f"{before + 7:,}", timeout=10_000)


def test_a_lost_connection_is_told(page: Page) -> None:
    page.route("**/live", lambda route: route.abort())
    page.goto("/")
    expect(page.get_by_text("not live")).to_be_visible()


def _send_events(count: int) -> None:
    number = int.from_bytes(os.urandom(4))
    time = "2026-02-01T00:00:00Z"
    send_events("refused", [{"id": f"l{number}-{n}", "time": time, "data": {"x": 0.5}} for n in range(count)])
