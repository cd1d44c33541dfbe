"""A browser for all checks, and a fresh page for each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CONSOLE = os.environ["CONSOLE"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[1280, 360])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may load nothing but the console's own, and whose errors fail the check."""
    context = browser.new_context(base_url=CONSOLE, viewport={"width": 1280, "height": 900})
    yield from _checked_page(context)


@pytest.fixture
def themed_page(browser: Browser, theme: str, width: int) -> Iterator[Page]:
    """The same in a theme and a width; scripts of the judge may run in it."""
    context = browser.new_context(
        base_url=CONSOLE,
        color_scheme=theme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 900},
        bypass_csp=True,
    )
    yield from _checked_page(context)


def _checked_page(context) -> Iterator[Page]:  # type: ignore[no-untyped-def]
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: _note_foreign(request.url, errors))
    yield page
    context.close()
    assert errors == []


def _note_foreign(url: str, errors: list[str]) -> None:
    if not re.match(rf"{re.escape(CONSOLE)}/|data:|blob:", url):
        errors.append(f"it asked for {url}")


def newest_event(page: Page, stream: str) -> str:
    """The address of the newest prediction of a stream."""
    page.goto(f"/streams/{stream}/predictions")
    return str(page.locator("tbody a").first.get_attribute("href"))
