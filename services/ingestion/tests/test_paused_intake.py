"""While a person has paused the intake of a stream nothing is taken in, and what was answered is still told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from penstock.contracts.records.streams import Pause

from .conftest import EVENTS, LABELS, NOW, Ingestion, event
from .test_answer_routes import BY_ID, predict


def state(ingestion: Ingestion, pause: Pause | None) -> None:
    declared = ingestion.resources.streams.get("loans")
    assert declared is not None
    changes = {"revision": declared.revision + 1, "pause": pause}
    ingestion.resources.streams.apply(declared.model_copy(update=changes))


def paused(*, intake: bool) -> Pause:
    return Pause(by="ann", time=datetime.fromtimestamp(NOW / 1000, UTC), detail="bad feed", intake=intake)


LABEL = {"event_id": "a", "value": "no", "entity": "c1"}


@pytest.mark.parametrize(("path", "body"), [(EVENTS, event()), (LABELS, LABEL)])
async def test_events_and_labels_are_refused_and_may_come_again_later(
    ingestion: Ingestion, path: str, body: dict[str, object]
) -> None:
    state(ingestion, paused(intake=True))
    response = await ingestion.post(path, body)
    assert (response.status_code, response.json()["code"]) == (503, "paused")
    assert "bad feed" in response.json()["detail"]
    assert response.headers["retry-after"] == "60"
    assert ingestion.received_values() == []
    state(ingestion, None)
    assert (await ingestion.post(path, body)).status_code == 202


async def test_a_pause_of_training_alone_takes_records_in(ingestion: Ingestion) -> None:
    state(ingestion, paused(intake=False))
    assert (await ingestion.post(EVENTS, event())).status_code == 202


async def test_answers_of_before_are_told_meanwhile(ingestion: Ingestion) -> None:
    await predict(ingestion, "a")
    state(ingestion, paused(intake=True))
    assert (await ingestion.client.get(f"{BY_ID}a")).json()["status"] == "predicted"
