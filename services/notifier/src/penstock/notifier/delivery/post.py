"""JSON by POST: the webhook of a program, and that of a channel of people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from html import escape

import httpx

from penstock.bus.ports import Clock
from penstock.notifier.delivery.errors import DeliveryRefused, DestinationUnavailable
from penstock.notifier.delivery.signature import signed_headers
from penstock.notifier.news import News, json_of, text_of, title_of

LIMIT_S = 15.0  # for one try
ASKS_FOR_PATIENCE = {408, 429}


class WebhookSender:
    """Posts signed JSON to one URL."""

    def __init__(self, client: httpx.AsyncClient, url: str, key: bytes, clock: Clock) -> None:
        self._client = client
        self._url = url
        self._key = key
        self._clock = clock

    async def send(self, news: News) -> str:
        """Send the news; what was answered.

        Raises:
            DestinationUnavailable: it is to be sent again.
            DeliveryRefused: it is not.
        """
        body = json_of(news)
        headers = signed_headers(self._key, news.message_id, self._clock() // 1000, body)
        return await post(self._client, self._url, body, headers)


class SlackSender:
    """Posts text to one URL, as Slack and what is compatible take it."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def send(self, news: News) -> str:
        """Send the news; what was answered. Raises as a webhook."""
        text = f"*{escape(title_of(news), quote=False)}*\n{escape(text_of(news), quote=False)}"
        return await post(self._client, self._url, json.dumps({"text": text}).encode(), {})


async def post(client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Post a body; the answer's status. Its text is not read.

    Raises:
        DestinationUnavailable: no answer, one that asks for patience, or one that tells of a fault over there.
        DeliveryRefused: any other answer than that it was taken.
    """
    content_type = {"content-type": "application/json"}
    try:
        async with (
            asyncio.timeout(LIMIT_S),
            client.stream("POST", url, content=body, headers={**content_type, **headers}) as response,
        ):
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise DestinationUnavailable(f"no answer ({type(error).__name__}: {error})") from error
    if status >= 500 or status in ASKS_FOR_PATIENCE:
        raise DestinationUnavailable(f"it answered HTTP {status}")
    if not 200 <= status < 300:
        raise DeliveryRefused(f"HTTP {status}")
    return f"HTTP {status}"
