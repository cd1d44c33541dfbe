"""The pager of whoever is woken: takes the notifier's webhooks, and refuses those that are not signed."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.staging.webhook_server import WebhookServer

VARIABLE = "PAGER_SECRET"


class Page(NamedTuple):
    """What came, and when, by the monotonic clock."""

    at: float
    alert: Mapping[str, Any]


class Pager:
    """Keeps every alert that it was sent under its secret, in turn."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._server = WebhookServer(self._take)
        self.pages: list[Page] = []
        self.forged = 0
        self.close = self._server.close

    def environment(self, folder: Path) -> dict[str, str]:
        """The settings by which a notifier sends here whatever it is told, each firing anew."""
        file = folder / "notifications.toml"
        file.write_text(
            f'[[destination]]\nname = "pager"\nkind = "webhook"\nurl = "{self._server.url}/alerts"\n'
            f'secret_variable = "{VARIABLE}"\nseverity = "info"\n'
        )
        secret = base64.b64encode(self._secret).decode()
        return {"PENSTOCK_NOTIFICATIONS": str(file), VARIABLE: f"whsec_{secret}"}

    def first(self, state: str, kind: str, about: str, since: float) -> Page | None:
        """The first page of a kind since a time whose key has `about` in it."""
        return next((page for page in self.pages if page.at >= since and _is(page.alert, state, kind, about)), None)

    def _take(self, headers: Mapping[str, str], body: bytes) -> None:
        signed = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
        expected = base64.b64encode(hmac.digest(self._secret, signed, "sha256")).decode()
        if hmac.compare_digest(headers.get("webhook-signature", ""), f"v1,{expected}"):
            self.pages.append(Page(time.monotonic(), json.loads(body)))
        else:
            self.forged += 1


def _is(alert: Mapping[str, Any], state: str, kind: str, about: str) -> bool:
    return alert["state"] == state and alert["kind"] == kind and about in (alert["key"] or "")
