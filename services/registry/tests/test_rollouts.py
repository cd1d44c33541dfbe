"""Rollouts in the system of record: every step an epoch, every block counted once, and people's orders."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import FAILED_CHALLENGER, Alert, ArmLosses, Statistics
from penstock.contracts.topics import ALERTS, AUDIT, MODELS, STATISTICS, TRAINING_RUNS
from penstock.registry.command_results import CommandRefused
from penstock.registry.use_cases.commands import Promotion
from penstock.registry.use_cases.rollout_commands import Start

CHAMPION, TRIED = 1, 2


@pytest.fixture
async def two(loans: Any) -> Any:
    """A champion and a version that was kept back."""
    await loans.send(TRAINING_RUNS, loans.run(1))
    await loans.send(TRAINING_RUNS, loans.run(2, gain=0.0))
    return loans


def epochs(deployment: Any) -> list[ModelEpoch]:
    return list(deployment.published(MODELS))


def block(number: int, epoch: int, challenger: float, champion: float = 0.2, answers: int = 50, **said: Any) -> Any:
    """The statistics of a block with so many answers of each model, and their mean losses."""
    arms = [
        ArmLosses(version=version, role=role, answers=answers, mean=mean, squares=answers * mean * (1 - mean))
        for version, role, mean in ((CHAMPION, "champion", champion), (TRIED, "challenger", challenger))
    ]
    fields = {
        "source": "penstock/drift-detector",
        "id": f"block-{number}",
        "time": "2024-05-02T00:00:00Z",
        "stream": "loans",
        "start": number * 100,
        "stop": number * 100 + 100,
        "joined": 100,
        "expired": 0,
        "metric": "accuracy",
        "score": 0.8,
        "coverage": 1.0,
        "version": CHAMPION,
        "epoch": epoch,
        "first_time": "2024-05-02T00:00:00Z",
        "last_time": "2024-05-02T00:00:00Z",
        "arms": arms,
    }
    return Statistics.model_validate(fields | said)


async def test_a_rollout_goes_its_steps_and_makes_the_challenger_the_champion(two: Any) -> None:
    await two.registry.start_rollout("loans", Start((TRIED,), "canary", (0.1, 0.5)))
    begun = epochs(two)[-1]
    assert begun.rollout is not None
    assert (begun.reason, begun.champion.version, begun.rollout.challengers[0].share) == ("rollout", CHAMPION, 0.1)
    for number in range(4):
        await two.send(STATISTICS, block(number, begun.epoch, 0.2))
    stepped = epochs(two)[-1]
    assert stepped.rollout is not None
    assert (stepped.rollout.id, stepped.rollout.step, stepped.rollout.challengers[0].share) == (
        begun.rollout.id,
        1,
        0.5,
    )
    for number in range(4, 8):
        await two.send(STATISTICS, block(number, stepped.epoch, 0.2))
    ended = epochs(two)[-1]
    assert (ended.reason, ended.champion.version, ended.rollout) == ("promotion", TRIED, None)
    assert [entry.action for entry in two.published(AUDIT) if entry.action.startswith("rollout")] == [
        "rollout.started",
        "rollout.stepped",
        "rollout.promoted",
    ]


async def test_a_block_counts_once_and_only_those_of_the_step(two: Any) -> None:
    await two.registry.start_rollout("loans", Start((TRIED,), "canary"))
    epoch = epochs(two)[-1].epoch
    for said in (block(0, epoch - 1, 0.9), block(1, epoch, 0.2), block(1, epoch, 0.2)):
        await two.send(STATISTICS, said)
    await two.send(STATISTICS, block(1, epoch, 0.2, clock="matured", id="matured-1"))
    found = (await two.client.get("/v1/streams/loans/rollout")).json()
    assert (found["outcomes"], [arm["outcomes"] for arm in found["arms"]]) == (100, [50, 50])


async def test_what_is_shown_to_be_worse_is_taken_back_even_while_paused(two: Any) -> None:
    await two.registry.start_rollout("loans", Start((TRIED,), "canary"))
    begun = epochs(two)[-1].epoch
    await two.registry.order_rollout("loans", "pause")
    for number in range(4):
        await two.send(STATISTICS, block(number, begun, 0.2))
    assert epochs(two)[-1].epoch == begun, "a paused rollout takes no step"
    for number in range(4, 20):
        await two.send(STATISTICS, block(number, begun, 0.9))
    ended = epochs(two)[-1]
    assert (ended.champion.version, ended.rollout) == (CHAMPION, None)
    assert "worse than the champion" in ended.detail
    alerts = [alert for alert in two.published(ALERTS) if alert.subject == "taken-back"]
    assert [alert.version for alert in alerts] == [TRIED]


async def test_a_challenger_that_the_server_took_out_is_taken_back(two: Any) -> None:
    await two.registry.start_rollout("loans", Start((TRIED,), "ab"))
    fields = {"source": "penstock/server", "id": "blown", "time": "2024-05-02T00:00:00Z", "severity": "critical"}
    said = {"subject": FAILED_CHALLENGER, "message": "it took longer than 2 s", "stream": "loans", "version": TRIED}
    await two.send(ALERTS, Alert.model_validate(fields | said | {"version": 7, "id": "of another"}))
    assert epochs(two)[-1].rollout is not None
    await two.send(ALERTS, Alert.model_validate(fields | said))
    assert epochs(two)[-1].rollout is None
    assert "it took longer" in epochs(two)[-1].detail


@pytest.mark.parametrize(("order", "champion"), [("abort", CHAMPION), ("promote", TRIED)])
async def test_people_may_end_it_either_way(two: Any, order: Any, champion: int) -> None:
    await two.registry.start_rollout("loans", Start((TRIED,), "shadow"))
    answer = await two.client.post(f"/v1/streams/loans/rollout/{order}", json={"detail": "enough seen"})
    assert answer.status_code == 200
    assert (epochs(two)[-1].champion.version, epochs(two)[-1].rollout) == (champion, None)
    again = await two.client.post(f"/v1/streams/loans/rollout/{order}")
    assert (again.status_code, again.json()["code"]) == (409, "no_rollout")


async def test_another_champion_ends_a_rollout(two: Any) -> None:
    await two.registry.start_rollout("loans", Start((TRIED,), "canary"))
    await two.registry.promote("loans", Promotion(0, epochs(two)[-1].epoch))
    assert (await two.client.get("/v1/streams/loans/rollout")).json()["state"] == "ended"
    assert epochs(two)[-1].rollout is None


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Start((9,)), "unknown_version"),
        (Start((CHAMPION,)), "serves_already"),
        (Start((0, TRIED), "ab"), "one_challenger"),
    ],
)
async def test_what_cannot_be_tried_is_refused(two: Any, asked: Start, code: str) -> None:
    with pytest.raises(CommandRefused) as refused:
        await two.registry.start_rollout("loans", asked)
    assert refused.value.code == code
    assert epochs(two)[-1].rollout is None


async def test_one_rollout_at_a_time_and_a_candidate_waits_for_its_end(two: Any) -> None:
    await two.registry.start_rollout("loans", Start((TRIED,), "bandit"))
    with pytest.raises(CommandRefused, match="is under way"):
        await two.registry.start_rollout("loans", Start((0,)))
    await two.send(TRAINING_RUNS, two.run(3))
    assert epochs(two)[-1].champion.version == CHAMPION
    (run,) = [
        run
        for run in (await two.client.get("/v1/streams/loans/runs")).json()["runs"]
        if run["decision"]["version"] == 3
    ]
    assert run["decision"]["reasons"] == ["a rollout is under way"]


async def test_a_stream_that_declares_it_tries_its_candidates_first(loans: Any) -> None:
    declaration = (await loans.client.get("/v1/streams/loans")).json()["declaration"]
    declaration["rollout"]["mode"] = "canary"
    await loans.client.put("/v1/streams/loans", json=declaration)
    await loans.send(TRAINING_RUNS, loans.run(1))
    assert epochs(loans)[-1].champion.version == 1, "the baseline is replaced at once"
    await loans.send(TRAINING_RUNS, loans.run(2))
    tried = epochs(loans)[-1]
    assert tried.rollout is not None
    assert (tried.champion.version, tried.rollout.mode, tried.rollout.challengers[0].model.version) == (1, "canary", 2)
