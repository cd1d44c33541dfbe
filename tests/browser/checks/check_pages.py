"""Every page in both themes, wide and narrow: it loads, it fits, and axe finds no error."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from conftest import newest_event

DEMO = "credit-risk-1"
PAGES = [
    "/",
    "/alerts",
    "/decisions",
    "/predictions",
    "/audit",
    f"/streams/{DEMO}",
    f"/streams/{DEMO}/answers",
    f"/streams/{DEMO}/features",
    f"/streams/{DEMO}/training",
    f"/streams/{DEMO}/models",
    f"/streams/{DEMO}/models/2",
    f"/streams/{DEMO}/models/2?with=1",
    f"/streams/{DEMO}/predictions",
    "/streams/refused/refused?code=wrong_type#repair",
    "/streams/refused/refused?topic=dead-letters",
    f"/streams/{DEMO}/actions/rollback",
    f"/streams/{DEMO}/actions/hold",
    f"/streams/{DEMO}/actions/retrain",
    f"/streams/{DEMO}/actions/promote?version=0",
    f"/streams/{DEMO}/actions/rollout-start?version=0",
    "/streams/proposed",
    "/streams/proposed/training",
    "/streams/canary",
    "/streams/held",
    "/no-such-page",
]


def is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


def await_drawn(page: Page) -> None:
    """Wait until each chart is drawn."""
    page.wait_for_load_state("load")
    page.wait_for_function(
        "[...document.querySelectorAll('figure.chart .plot')].every((plot) => plot.querySelector('svg'))"
    )


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_errors_and_fits(themed_page: Page, path: str) -> None:
    response = themed_page.goto(path)
    assert response is not None
    assert response.status == (404 if path == "/no-such-page" else 200)
    await_drawn(themed_page)
    assert findings(themed_page) == []
    assert not is_too_wide(themed_page)


def test_the_page_of_an_answer_has_no_errors_and_fits(themed_page: Page) -> None:
    themed_page.goto(newest_event(themed_page, DEMO))
    await_drawn(themed_page)
    assert findings(themed_page) == []
    assert not is_too_wide(themed_page)
