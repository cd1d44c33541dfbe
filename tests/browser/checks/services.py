"""The services of the deployment, asked over HTTP as any client asks them."""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from typing import Any


def service_url(name: str) -> str:
    deployment = json.loads((Path(os.environ["PENSTOCK_HOME"]) / "run/deployment.json").read_text())
    return str(deployment["processes"][name]["url"])


def ask_registry(path: str) -> dict[str, Any]:
    """What lies at a path below `/v1/`."""
    return _request(urllib.request.Request(f"{service_url('registry')}/v1/{path}"))


def command_registry(path: str, **body: Any) -> dict[str, Any]:
    """Give a command at a path below `/v1/`."""
    url, content = f"{service_url('registry')}/v1/{path}", json.dumps(body).encode()
    return _request(urllib.request.Request(url, content, {"content-type": "application/json"}))


def send_events(stream: str, events: list[dict[str, Any]]) -> None:
    url, content = f"{service_url('ingestion')}/v1/streams/{stream}/events", "\n".join(map(json.dumps, events)).encode()
    _request(urllib.request.Request(url, content, {"content-type": "application/x-ndjson"}))


def _request(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
        return dict(json.loads(response.read()))
