"""Probes count every request that fails; that a row is refused is no failure."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from penstock.console.replay.predict_probes import probe_predictions
from penstock.console.replay.rows.labelled_rows import event_body

from .conftest import eventually

STATUSES = (200, 503, 422, 0, 200)  # in turn; 0: the connection is reset
EVENT = event_body("test", "e1", datetime(2024, 1, 1, tzinfo=UTC), {"x": 1.5})


class Predictor:
    """A server that answers with `STATUSES`, and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str | None, bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = STATUSES[len(server.requests) % len(STATUSES)]
                server.requests.append((self.path, self.headers["penstock-probe"], body))
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                """Tests have their own output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def predictor() -> Iterator[Predictor]:
    """A server to probe."""
    server = Predictor()
    yield server
    server.close()


async def test_an_error_response_and_a_reset_count_as_failed_and_a_refused_row_does_not(predictor: Predictor) -> None:
    async with probe_predictions(predictor.url, "s", [EVENT]) as probes:
        await asyncio.to_thread(eventually, lambda: probes.requests == len(STATUSES))
    assert probes.failed == 2
    assert (probes.statuses["200"], probes.statuses["503"], probes.statuses["422"]) == (2, 1, 1)


async def test_a_probe_is_marked_and_carries_an_event(predictor: Predictor) -> None:
    async with probe_predictions(predictor.url, "s", [EVENT]) as probes:
        await asyncio.to_thread(eventually, lambda: probes.requests)
    path, mark, body = predictor.requests[0]
    assert (path, mark) == ("/v1/streams/s/predict", "1")
    assert json.loads(body) == {"id": "e1", "source": "test", "time": "2024-01-01T00:00:00Z", "data": {"x": 1.5}}
