"""What keeps other web pages from using the console through its users' browsers."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
JSON = "application/json"  # which browsers send for other pages only after asking, and never without an origin

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
        " connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""Everything comes from the console itself; styles within elements are Plotly's."""


class SameOrigin:
    """Refuses requests under a strange host name (DNS rebinding), and commands that another page sent (forgery)."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._hosts = OWN_HOSTS | hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in own]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if host_name(f"//{host}") not in self._hosts:
            return f"The console does not answer as {host!r}; name it in PENSTOCK_CONSOLE_HOSTS.\n"
        if scope["method"] in SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is None and headers.get("content-type", "").partition(";")[0].strip().lower() == JSON:
            return None
        if origin is None or urlsplit(origin).netloc.lower() != host.lower():
            return "A command must come from a page of the console itself.\n"
        return None


def host_name(url: str) -> str:
    """The host of an address, without its port; empty if there is none.

    >>> host_name("//127.0.0.1:8040"), host_name("//[::1]:8040")
    ('127.0.0.1', '::1')
    """
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
