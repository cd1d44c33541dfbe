"""A receiver of webhooks on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Take = Callable[[Mapping[str, str], bytes], None]


class WebhookServer:
    """Hands headers and body of what is posted to `/alerts` to `take`, and refuses any other path with 410."""

    def __init__(self, take: Take) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(take))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(take: Take) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/alerts":
                take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(200 if self.path == "/alerts" else 410)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            """The check has its own output."""

    return Handler
