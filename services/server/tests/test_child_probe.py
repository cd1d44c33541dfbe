"""Each child of the server is asked whether it is stuck, where it can be asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from penstock.runtime.supervision.process_health import HealthStatus
from penstock.server.processes.child_probe import child_hooks
from penstock.server.processes.children import child_specs
from penstock.server.settings import SupervisorSettings


@contextmanager
def answering(status: int) -> Iterator[int]:
    """The port of a process that answers with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_child_that_is_stuck_is_told_from_one_that_is_not(host: str) -> None:
    with answering(200) as http_port, answering(503) as stream_port:
        settings = SupervisorSettings(host=host, port=http_port, stream_port=stream_port)
        http, stream = [await hooks.probe() for hooks in child_hooks(settings)]
    assert http == HealthStatus(healthy=True, ready=True)
    assert stream == HealthStatus(healthy=False, ready=False)
    assert [await hooks.probe() for hooks in child_hooks(settings)] == [HealthStatus(healthy=False, ready=False)] * 2


@pytest.mark.parametrize(("http", "stream"), [(0, 0), (0, 2), (1, 1), (3, 2)])
def test_every_child_has_its_hooks(http: int, stream: int) -> None:
    settings = SupervisorSettings(http_workers=http, stream_workers=stream)
    assert len(child_hooks(settings)) == len(child_specs(settings)) == http + stream
