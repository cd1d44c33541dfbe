"""A rollback to an epoch puts back exactly what served in it: the champion, and the challengers with their shares."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.topics import AUDIT, MODELS, STATISTICS, TRAINING_RUNS
from penstock.registry.command_context import CommandContext
from penstock.registry.command_results import CommandRefused
from penstock.registry.use_cases.model_commands import Promotion, Rollback
from penstock.registry.use_cases.rollout_commands import RolloutStart

from .test_rollouts import CHALLENGER, CHAMPION, block

ANN = CommandContext("ann")
ROLLBACK = "/v1/streams/loans/rollback"


def epochs(deployment: Any) -> list[ModelEpoch]:
    return list(deployment.published(MODELS))


@pytest.fixture
async def past(loans: Any) -> Any:
    """Epoch 0: the baseline; 1: version 1; 2: beside it version 2 as a canary of 10 %; 3: version 2 is the champion."""
    await loans.send(TRAINING_RUNS, loans.run(1))
    await loans.send(TRAINING_RUNS, loans.run(2, gain=0.0))
    await loans.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "canary", (0.1, 0.5)))
    await loans.registry.control_rollout("loans", "promote", "good enough")
    assert [epoch.champion.version for epoch in epochs(loans)] == [0, 1, 1, 2]
    return loans


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_what_served_in_an_epoch_serves_again(past: Any, number: int) -> None:
    answer = await past.client.post(ROLLBACK, json={"to_epoch": number, "detail": "bad"}, headers={"If-Match": '"3"'})
    assert (answer.status_code, answer.json()["status"], answer.json()["epoch"]) == (200, "rolled_back", 4)
    earlier, now = epochs(past)[number], epochs(past)[-1]
    assert answer.json()["put_back"] == ("canary" if number == 2 else None)
    assert (now.champion, now.rollout) == (earlier.champion, earlier.rollout)
    assert (now.epoch, now.reason, now.detail) == (4, "rollback", f"as in epoch {number}: bad")
    stream = (await past.client.get("/v1/streams/loans")).json()
    assert (stream["epoch"], stream["hold"]["epoch"]) == (4, 4)
    installed = [entry for entry in past.published(AUDIT) if entry.action == "epoch.installed"][-1]
    assert (installed.detail["digest"], installed.detail["detail"]) == (earlier.champion.digest, now.detail)


async def test_a_split_that_was_put_back_stays_until_somebody_lets_it_go_on(past: Any) -> None:
    await past.registry.roll_back("loans", Rollback(to_epoch=2), ANN)
    view = (await past.client.get("/v1/streams/loans/rollout")).json()
    assert (view["state"], view["outcomes"], view["arms"][1]["share"]) == ("paused", 0, 0.1)
    for number in range(4):
        await past.send(STATISTICS, block(number, 4, 0.2, pairs=1000))
    assert epochs(past)[-1].epoch == 4, "it is paused"
    await past.registry.control_rollout("loans", "resume")
    await past.send(STATISTICS, block(4, 4, 0.2, pairs=1000))
    stepped = epochs(past)[-1]
    assert stepped.rollout is not None
    assert (stepped.epoch, stepped.rollout.step, stepped.rollout.challengers[0].share) == (5, 1, 0.5)


async def test_a_rollout_under_way_makes_room(past: Any) -> None:
    await past.registry.start_rollout("loans", RolloutStart((CHAMPION,), "shadow"))
    await past.registry.roll_back("loans", Rollback(to_epoch=3), ANN)
    assert (epochs(past)[-1].champion.version, epochs(past)[-1].rollout) == (2, None)
    assert (await past.client.get("/v1/streams/loans/rollout")).json()["state"] == "ended"
    await past.registry.start_rollout("loans", RolloutStart((CHAMPION,), "shadow"))
    await past.registry.roll_back("loans", Rollback(to_epoch=2), ANN)
    view = (await past.client.get("/v1/streams/loans/rollout")).json()
    assert (view["mode"], view["state"]) == ("canary", "paused"), "of several rollouts the open one is shown"


async def test_what_serves_already_is_held(past: Any) -> None:
    await past.registry.promote("loans", Promotion(CHAMPION, 3), ANN)
    result = await past.registry.roll_back("loans", Rollback(to_epoch=1), ANN)
    assert (result.status, result.epoch) == ("unchanged", 4)
    assert (await past.client.get("/v1/streams/loans")).json()["hold"]["by"] == "ann"


@pytest.mark.parametrize(
    ("archived", "target", "code"),
    [(CHAMPION, 1, "archived_version"), (CHAMPION, 2, "archived_version"), (None, 9, "unknown_epoch")],
)
async def test_what_may_not_serve_is_refused(past: Any, archived: int | None, target: int, code: str) -> None:
    if archived is not None:
        await past.registry.archive("loans", archived)
    with pytest.raises(CommandRefused) as refused:
        await past.registry.roll_back("loans", Rollback(to_epoch=target))
    assert refused.value.code == code
    assert (await past.client.get("/v1/streams/loans")).json()["hold"] is None
    assert len(epochs(past)) == 4


async def test_an_archived_challenger_is_refused(past: Any) -> None:
    await past.registry.roll_back("loans", Rollback(to_epoch=1))
    await past.registry.archive("loans", CHALLENGER)
    with pytest.raises(CommandRefused, match=f"version {CHALLENGER} is archived"):
        await past.registry.roll_back("loans", Rollback(to_epoch=2))


async def test_under_one_key_it_is_done_once(past: Any) -> None:
    key = {"Idempotency-Key": "incident-1"}
    first, again = [await past.client.post(ROLLBACK, json={"to_epoch": 1}, headers=key) for _ in range(2)]
    assert first.json() == again.json()
    assert epochs(past)[-1].epoch == 4
    other = await past.client.post(ROLLBACK, json={"to_epoch": 0}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
