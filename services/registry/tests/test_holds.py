"""A person's rollback holds: nothing changes by itself until they lift it, and trainings go on meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.topics import AUDIT, MODELS, TRAINING_RUNS
from penstock.registry.command_context import CommandContext
from penstock.registry.use_cases.model_commands import Promotion, Rollback
from penstock.registry.use_cases.rollout_commands import RolloutStart

ANN = CommandContext("ann")


@pytest.fixture
async def held(loans: Any) -> Any:
    """The stream after version 1 was promoted and rolled back by ann."""
    await loans.send(TRAINING_RUNS, loans.run(1))
    await loans.registry.roll_back("loans", Rollback(detail="bad answers"), ANN)
    return loans


async def stream(deployment: Any) -> dict[str, Any]:
    shown: dict[str, Any] = (await deployment.client.get("/v1/streams/loans")).json()
    return shown


def actions(deployment: Any) -> list[str]:
    return [entry.action for entry in deployment.published(AUDIT)]


async def test_after_a_rollback_a_candidate_that_passes_waits(held: Any) -> None:
    hold = (await stream(held))["hold"]
    assert (hold["epoch"], hold["by"], hold["detail"]) == (2, "ann", "bad answers")
    await held.send(TRAINING_RUNS, held.run(2))
    assert held.published(MODELS)[-1].epoch == 2
    (proposal,) = (await held.client.get("/v1/proposals")).json()["proposals"]
    assert (proposal["version"], proposal["waits"]) == (2, "held since the rollback at epoch 2 by ann")


async def test_once_lifted_the_next_candidate_is_promoted(held: Any) -> None:
    await held.send(TRAINING_RUNS, held.run(2))
    assert (await held.registry.release("loans", "mended", ANN)).status == "released"
    assert (await held.registry.release("loans", "again", ANN)).status == "unchanged"
    assert held.published(MODELS)[-1].epoch == 2, "what waits goes on waiting"
    await held.send(TRAINING_RUNS, held.run(3))
    assert held.published(MODELS)[-1].champion.version == 3
    assert (actions(held).count("stream.held"), actions(held).count("stream.released")) == (1, 1)


async def test_a_promotion_by_a_person_lifts_it(held: Any) -> None:
    await held.registry.promote("loans", Promotion(1, 2), ANN)
    assert (await stream(held))["hold"] is None


async def test_an_approved_proposal_lifts_it(held: Any) -> None:
    await held.send(TRAINING_RUNS, held.run(2))
    assert (await held.registry.approve(1, "", ANN)).model == 2
    assert (await stream(held))["hold"] is None


async def test_a_rollout_that_a_person_promotes_lifts_it_and_its_start_does_not(held: Any) -> None:
    await held.registry.start_rollout("loans", RolloutStart((1,), "canary"), ANN)
    assert (await stream(held))["hold"] is not None
    await held.registry.control_rollout("loans", "promote", "", ANN)
    assert (await stream(held))["hold"] is None


async def test_a_second_rollback_leaves_the_first_hold_and_one_to_the_champion_begins_one(loans: Any) -> None:
    assert (await loans.registry.roll_back("loans", Rollback(to_version=0), ANN)).status == "unchanged"
    assert (await stream(loans))["hold"]["epoch"] == 0
    await loans.registry.roll_back("loans", Rollback(to_version=0), CommandContext("bob"))
    assert (await stream(loans))["hold"]["by"] == "ann"
    assert actions(loans).count("stream.held") == 1


async def test_over_http_it_is_lifted(held: Any) -> None:
    answer = await held.client.post("/v1/streams/loans/release", json={"detail": "mended"})
    assert (answer.status_code, answer.json()["status"]) == (200, "released")
    answer = await held.client.post("/v1/streams/cards/release")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_stream")
