"""A channel of people is told in text, whose marks are none of Slack's."""

from __future__ import annotations

import httpx
import pytest

from penstock.notifier.delivery.errors import DestinationUnavailable
from penstock.notifier.delivery.post import SlackSender
from penstock.notifier.news import News

from .receiver import Receiver, receiving
from .site import NOW, alert


async def test_the_text_says_what_happened_and_what_to_do() -> None:
    with receiving(Receiver()) as receiver:
        async with httpx.AsyncClient() as client:
            news = News.of(alert(1, message="a < b & <!channel>"), NOW, 0)
            assert await SlackSender(client, receiver.url).send(news) == "HTTP 200"
    (document,) = receiver.documents
    assert list(document) == ["text"]
    title, message, *more = document["text"].splitlines()
    assert title == "*[critical] loans: shortfall*"
    assert message == "a &lt; b &amp; &lt;!channel&gt;"
    assert more[-1] == "Runbook: docs/runbooks/a-champion-falls-short.md"


async def test_nobody_answers() -> None:
    with receiving(Receiver()) as receiver:
        url = receiver.url
    async with httpx.AsyncClient() as client:
        with pytest.raises(DestinationUnavailable, match="no answer"):
            await SlackSender(client, url).send(News.of(alert(1), NOW, 0))
