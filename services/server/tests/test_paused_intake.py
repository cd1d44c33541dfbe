"""Predict over HTTP is an intake, too: paused with it, for what is answered becomes an event."""

from __future__ import annotations

from typing import Any

from penstock.contracts.records.streams import Pause
from penstock.contracts.topics import RECEIVED

from .conftest import NOW
from .test_predict import _post


async def test_predict_is_refused_while_the_intake_is_paused_and_probes_are_answered(
    deployment: Any, registry: Any
) -> None:
    await deployment.serve_epoch(registry.epoch(0))
    pause = Pause(by="ann", time=NOW, detail="bad feed", intake=True)
    streams = deployment._http_resources.streams
    streams.apply(registry.declared().model_copy(update={"revision": 1, "pause": pause}))
    refused = await _post(deployment, deployment.event(1))
    assert (refused.status_code, refused.json()["code"]) == (503, "paused")
    assert refused.headers["retry-after"] == "60"
    assert (await _post(deployment, deployment.event(1), **{"Penstock-Probe": "1"})).status_code == 200
    assert deployment.records(RECEIVED, "loans") == []
    opened = pause.model_copy(update={"intake": False})
    streams.apply(registry.declared().model_copy(update={"revision": 2, "pause": opened}))
    assert (await _post(deployment, deployment.event(1))).status_code == 200
