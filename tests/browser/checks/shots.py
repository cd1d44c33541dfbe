"""The pictures of docs/console: every page, in the light and in the dark, and some as a phone shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from check_pages import DEMO, await_drawn
from playwright.sync_api import Browser, Page

from conftest import CONSOLE, newest_event

PICTURES = Path(os.environ["PICTURES"])
PAGES = {
    "overview": "/",
    "stream": f"/streams/{DEMO}",
    "answers": f"/streams/{DEMO}/answers",
    "features": f"/streams/{DEMO}/features",
    "training": f"/streams/{DEMO}/training",
    "proposal": "/streams/proposed/training",
    "rollout": "/streams/canary",
    "refused": "/streams/refused/refused",
    "action": "/streams/canary/actions/rollback",
    "models": f"/streams/{DEMO}/models",
    "model": f"/streams/{DEMO}/models/2?with=1",
    "predictions": f"/streams/{DEMO}/predictions",
    "alerts": "/alerts",
    "decisions": "/decisions",
    "audit": "/audit",
}
ON_A_PHONE = ("overview", "stream")
TALLEST = 1600  # pixels


def take(browser: Browser, name: str, path: str, theme: str, width: int) -> None:
    context = browser.new_context(
        base_url=CONSOLE,
        color_scheme=theme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(path)
    await_drawn(page)
    height = min(TALLEST, int(page.evaluate("document.documentElement.scrollHeight")))
    page.screenshot(
        path=PICTURES / f"{name}.png", full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height}
    )
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_take(browser: Browser, name: str) -> None:
    take(browser, name, PAGES[name], "light", 1280)
    if name in ON_A_PHONE:
        take(browser, f"{name}-dark", PAGES[name], "dark", 1280)
        take(browser, f"{name}-phone", PAGES[name], "light", 360)


def test_take_why(browser: Browser, page: Page) -> None:
    take(browser, "why", newest_event(page, DEMO), "light", 1280)
