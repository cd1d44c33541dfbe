"""How long one request keeps others waiting: ingestion's event loop under its worst bodies, on the memory log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.streams import StreamDeclared
from penstock.ingestion.settings import IngestionSettings
from penstock.ingestion.wiring import build
from penstock.runtime.single_process import SingleProcess, VirtualClock

NOW = 1_767_225_600_000  # 2026-01-01T00:00Z
BODY_BYTES = 16 << 20
RECORD_BYTES = 900_000
BATCH = 10_000
POLL_S = 0.0005
JSON, NDJSON, ONE = "application/json", "application/x-ndjson", "application/cloudevents+json"

STREAM = """
stream = {name = "edge", task = "regression"}
label = {name = "y"}
fields = {x = {type = "number"}, kind = {type = "category"}}
"""


def _event(number: int, kind: str = "k", more: str = "") -> bytes:
    return b'{"id":"e%d","data":{"x":%d.5,"kind":"%b"%b}}' % (number, number, kind.encode(), more.encode())


def _filled(head: bytes, unit: bytes, size: int = BODY_BYTES, tail: bytes = b"]") -> bytes:
    return head + unit * ((size - len(head) - len(tail) - 8) // len(unit)) + b"{}" + tail


def _extension(content: bytes) -> bytes:
    head = b'{"specversion":"1.0","type":"penstock.event.v1","source":"s","id":"a","time":"2026-01-01T00:00:00Z","ext":'
    return head + content + b',"data":{"x":1,"kind":"k"}}'


BODIES: dict[str, Callable[[], tuple[str, bytes]]] = {
    "nan-items": lambda: (JSON, _filled(b"[NaN,", b"{},")),
    "empty-items": lambda: (JSON, _filled(b"[", b"{},")),
    "nested-item": lambda: (JSON, _filled(b"[[", b"[],", tail=b"]]")),
    "brackets": lambda: (JSON, b"[" * BODY_BYTES),
    "pairs": lambda: (JSON, _filled(b"[[", b'[{"a":[]}],', tail=b"]]")),
    "escapes": lambda: (JSON, b'["' + b"\\\\" * (BODY_BYTES // 2 - 8) + b'"]'),
    "blank-lines": lambda: (NDJSON, b" \n" * (BODY_BYTES // 2 - 1) + b"1"),
    "bad-lines": lambda: (NDJSON, b"[]\n" * BATCH),
    "blank": lambda: (JSON, b" " * BODY_BYTES),
    "one-event": lambda: (ONE, _extension(b"[" + b"[]," * (5 << 20) + b"[]]")),
    "one-deep-event": lambda: (ONE, _extension(b"[" + b"[]," * (RECORD_BYTES // 3) + b"[]]")),
    "one-event-of-keys": lambda: (ONE, _extension(b"{" + b'"a":"",' * (RECORD_BYTES // 7) + b'"b":1}')),
    "one-event-nan": lambda: (ONE, _extension(b"[" + b"[]," * (RECORD_BYTES // 3) + b"NaN]")),
    "large-events": lambda: (JSON, b"[" + b",".join(_event(n, "k" * 2000) for n in range(7000)) + b"]"),
    "batch": lambda: (JSON, b"[" + b",".join(map(_event, range(BATCH))) + b"]"),
    "lines": lambda: (NDJSON, b"\n".join(map(_event, range(BATCH)))),
    "refused-batch": lambda: (JSON, b"[" + b",".join(_event(n, more=',"u":1') for n in range(BATCH)) + b"]"),
    "mixed-batch": lambda: (JSON, b"[" + b",".join(_event(n, more=',"u":1' * (n % 2)) for n in range(BATCH)) + b"]"),
}


async def measure(repetitions: int, names: Sequence[str] | None = None) -> list[Result]:
    """The longest turn of the event loop while each body is answered, in ms."""
    app = await _ingestion()
    blocks: dict[str, list[float]] = {name: [] for name in BODIES if names is None or name in names}
    for name, figures in blocks.items():
        media_type, body = BODIES[name]()
        for _ in range(repetitions):
            started = time.perf_counter()
            status, longest = await _longest_turn(_post(app, media_type, body))
            figures.append(1000 * longest)
            seconds = time.perf_counter() - started
            print_line(f"edge {name:<18} {status}  longest turn {figures[-1]:8.1f} ms  answered in {seconds:6.2f} s")
    return [summarize("edge", name, "ms", figures) for name, figures in blocks.items()]


async def _ingestion() -> Any:
    process = SingleProcess(VirtualClock(NOW))
    resources = process.resources()
    stream = StreamDeclared(
        source="bench",
        id="edge",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        version=1,
        declaration=parse_declaration(STREAM),
    )
    await process.log.create([*control_topics("penstock"), *stream_topics("penstock", stream)])
    resources.streams.apply(stream)
    service = build(IngestionSettings(), resources)
    for task in service.tasks:
        await task()
    return service.app


async def _longest_turn(work: Awaitable[int]) -> tuple[int, float]:
    """The result of `work`, and the longest time in seconds for which nobody else got a turn meanwhile."""
    task = asyncio.ensure_future(work)
    longest, last = 0.0, time.perf_counter()
    while not task.done():
        await asyncio.sleep(POLL_S)
        now = time.perf_counter()
        longest, last = max(longest, now - last - POLL_S), now
    return task.result(), longest


async def _post(app: Any, media_type: str, body: bytes) -> int:
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    await app({**_SCOPE, "headers": [(b"content-type", media_type.encode())]}, receive, send)
    return statuses[0]


_PATH = "/v1/streams/edge/events"
_SCOPE = {
    "type": "http",
    "method": "POST",
    "path": _PATH,
    "raw_path": _PATH.encode(),
    "query_string": b"",
    "root_path": "",
    "http_version": "1.1",
    "scheme": "http",
    "server": ("edge", 80),
    "client": ("edge", 1),
}
