"""How long one request keeps others waiting: ingestion and server under their worst requests, on the memory log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bench.cells.edge_services import edge_apps
from bench.instruments.turn_meter import measure_turns
from bench.report.results import Result, summarize
from bench.report.terminal import print_line
from bench.workload.worst_requests import REQUESTS, Route, WorstRequest

PATHS: dict[Route, str] = {
    "ingestion": "/v1/streams/{}/events",
    "predict": "/v1/streams/{}/predict",
    "infer": "/v2/models/{}/infer",
}
CHUNK = 64 << 10  # bytes that uvicorn hands on at a time


async def measure(repetitions: int, names: Sequence[str] | None = None) -> list[Result]:
    """The longest turn of the event loop while each request is answered, in ms of CPU."""
    figures: dict[str, list[float]] = {}
    async with edge_apps() as apps:
        for name, request in REQUESTS.items():
            if names is not None and name not in names:
                continue
            for route in request.routes:
                cell = f"{route}-{name}"
                figures[cell] = [await _longest_turn(cell, apps[route], route, request) for _ in range(repetitions)]
    return [summarize("edge", cell, "ms", values) for cell, values in figures.items()]


async def _longest_turn(cell: str, app: Any, route: Route, request: WorstRequest) -> float:
    turns = await measure_turns(_post(app, PATHS[route].format(request.stream), request.media_type, request.body()))
    longest, total = 1000 * turns.longest, 1000 * turns.total
    print_line(f"edge {cell:<30} {turns.result}  longest turn {longest:7.1f} ms  of {total:8.1f} ms")
    return longest


async def _post(app: Any, path: str, media_type: str, body: bytes) -> int:
    statuses: list[int] = []
    position = 0

    async def receive() -> dict[str, Any]:
        nonlocal position
        await asyncio.sleep(0)
        chunk, position = body[position : position + CHUNK], position + CHUNK
        return {"type": "http.request", "body": chunk, "more_body": position < len(body)}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    headers = [(b"content-type", media_type.encode())]
    await app({**_SCOPE, "path": path, "raw_path": path.encode(), "headers": headers}, receive, send)
    return statuses[0]


_SCOPE = {
    "type": "http",
    "method": "POST",
    "query_string": b"",
    "root_path": "",
    "http_version": "1.1",
    "scheme": "http",
    "server": ("edge", 80),
    "client": ("edge", 1),
}
