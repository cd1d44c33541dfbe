"""The BentoML service: mounted in the http child, run by `bentoml serve`, built into a Bento."""

from __future__ import annotations

from typing import Any

import pytest

JSON = {"content-type": "application/json"}


async def test_the_mounted_service_answers_as_our_own_route_does(deployment: Any, registry: Any) -> None:
    await deployment.serve_epoch(registry.epoch(1, *registry.trained()))
    app = deployment.http.app
    events = [deployment.event(1, income=5.0), deployment.event(2, income=-1.0)]
    async with app.router.lifespan_context(app), deployment.client() as client:
        own = await client.post("/v1/streams/loans/predict", json=events)
        bento = await client.post("/bento/predict", json={"stream": "loans", "events": events})
        health = [(await client.get(f"/bento/{name}")).status_code for name in ("livez", "readyz", "healthz")]
        unknown = await client.post("/bento/predict", json={"stream": "other", "events": events})
    assert bento.status_code == 200
    assert bento.json() == own.json()
    assert health == [200, 200, 200]
    assert unknown.status_code == 404


_ODD_BODIES = [
    b'{"stream": "loans", "events": [{"data": {"person": "p1", "income": NaN}}]}',
    b'{"stream": "loans", "events": [{"data": {"person": "\\ud800"}}]}',
    b'{"stream": "loans", "events": []}',
    b'{"stream": "loans", "events": [7]}',
    b'{"stream": "loans"}',
    b'{"stream": 7, "events": 7}',
    b"null",
    b"[]",
    b"{",
    b"",
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", _ODD_BODIES, ids=lambda value: str(value)[:60])
async def test_the_mounted_service_answers_odd_bodies_without_a_server_error(
    deployment: Any, registry: Any, body: bytes
) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    app = deployment.http.app
    async with app.router.lifespan_context(app), deployment.client() as client:
        response = await client.post("/bento/predict", content=body, headers=JSON)
        assert response.status_code < 500, response.text
        if response.status_code == 200:
            assert all("code" in answer for answer in response.json())
