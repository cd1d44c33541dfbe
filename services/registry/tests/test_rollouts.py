"""Rollouts from start to end: every step is an epoch, every block counts once, and commands on them."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import FAILED_CHALLENGER, Alert, CohortLosses, Statistics
from penstock.contracts.topics import ALERTS, AUDIT, MODELS, STATISTICS, TRAINING_RUNS
from penstock.registry.command_results import CommandRefused
from penstock.registry.use_cases.model_commands import Promotion
from penstock.registry.use_cases.rollout_commands import RolloutStart

CHAMPION, CHALLENGER = 1, 2


@pytest.fixture
async def two_versions(loans: Any) -> Any:
    """A stream with a champion, version 1, and version 2, which was kept back."""
    await loans.send(TRAINING_RUNS, loans.run(1))
    await loans.send(TRAINING_RUNS, loans.run(2, gain=0.0))
    return loans


def epochs(deployment: Any) -> list[ModelEpoch]:
    return list(deployment.published(MODELS))


def cohort(epoch: int, version: int, role: Any, rows: int, mean: float, against: int | None = None) -> CohortLosses:
    variance = 0.1 if role == "shadow" else mean * (1 - mean)
    losses = LossMoments(loss="error", rows=rows, mean=mean, squares=rows * variance)
    return CohortLosses(epoch=epoch, version=version, role=role, against=against, losses=losses)


def block(
    number: int, epoch: int, challenger: float, champion: float = 0.2, answers: int = 50, pairs: int = 0, **changes: Any
) -> Any:
    """The statistics of a block with so many answers of each model, and their mean losses; and with pairs of them."""
    cohorts = [
        cohort(epoch, CHAMPION, "champion", answers, champion),
        cohort(epoch, CHALLENGER, "challenger", answers, challenger),
    ]
    if pairs:
        cohorts.append(cohort(epoch, CHALLENGER, "shadow", pairs, challenger - champion, CHAMPION))
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
        "cohorts": cohorts,
    }
    return Statistics.model_validate(fields | changes)


async def test_a_rollout_takes_its_steps_and_promotes_the_challenger(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "canary", (0.1, 0.5)))
    started = epochs(two_versions)[-1]
    assert started.rollout is not None
    assert (started.reason, started.champion.version, started.rollout.challengers[0].share) == (
        "rollout",
        CHAMPION,
        0.1,
    )
    for number in range(4):
        await two_versions.send(STATISTICS, block(number, started.epoch, 0.2, pairs=1000))
    second_step = epochs(two_versions)[-1]
    assert second_step.rollout is not None
    assert (second_step.rollout.id, second_step.rollout.step, second_step.rollout.challengers[0].share) == (
        started.rollout.id,
        1,
        0.5,
    )
    for number in range(4, 12):
        await two_versions.send(STATISTICS, block(number, second_step.epoch, 0.2, pairs=1000))
    ended = epochs(two_versions)[-1]
    assert (ended.reason, ended.champion.version, ended.rollout) == ("promotion", CHALLENGER, None)
    assert [entry.action for entry in two_versions.published(AUDIT) if entry.action.startswith("rollout")] == [
        "rollout.started",
        "rollout.stepped",
        "rollout.promoted",
    ]


async def view(deployment: Any) -> Any:
    return (await deployment.client.get("/v1/streams/loans/rollout")).json()


async def test_a_block_counts_once_and_only_answers_of_the_step(two_versions: Any) -> None:
    """An event answered before the step whose label comes late is evidence of nothing, whatever block it is in."""
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "canary"))
    epoch = epochs(two_versions)[-1].epoch
    mixed = block(1, epoch, 0.2, pairs=100)
    late = [
        cohort(epoch - 1, CHAMPION, "champion", 70, 1.0),
        cohort(epoch - 1, CHALLENGER, "shadow", 70, -1.0, CHAMPION),
    ]
    mixed = mixed.model_copy(update={"cohorts": (*late, *mixed.cohorts)})
    for statistics in (block(0, epoch - 1, 0.9), mixed, mixed):
        await two_versions.send(STATISTICS, statistics)
    await two_versions.send(STATISTICS, block(1, epoch, 0.2, clock="matured", id="matured-1"))
    shown = await view(two_versions)
    assert (shown["outcomes"], [arm["outcomes"] for arm in shown["arms"]]) == (100, [50, 50])
    assert [(arm["pairs"], arm["mean"]) for arm in shown["arms"]] == [(0, 0.2), (100, 0.2)]


async def test_pairs_count_whoever_answered_and_stay_when_a_canary_steps(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "canary", (0.1, 0.5)))
    first = epochs(two_versions)[-1].epoch
    statistics = block(0, first, 0.2, answers=250, pairs=3000)
    reverse = cohort(first, CHAMPION, "shadow", 1000, 0.02, CHALLENGER)
    await two_versions.send(STATISTICS, statistics.model_copy(update={"cohorts": (*statistics.cohorts, reverse)}))
    assert epochs(two_versions)[-1].epoch == first + 1
    await two_versions.send(STATISTICS, block(1, first, 0.2, answers=40, pairs=500))  # late labels of the first step
    await two_versions.send(STATISTICS, block(2, first + 1, 0.2, answers=30, pairs=500))
    shown = await view(two_versions)
    assert [arm["outcomes"] for arm in shown["arms"]] == [30, 30]
    assert (shown["arms"][1]["pairs"], shown["paired"]) == (5000, True)
    assert shown["arms"][1]["difference"] == pytest.approx(-0.02 * 1000 / 5000)


async def test_what_a_rollout_will_take_is_said_before_it_starts_and_while_it_lasts(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "canary"))
    shown = await view(two_versions)
    assert shown["expected"] is None
    assert "is promoted, within 0.01, after some 14,000 outcomes" in shown["detail"]
    assert "where only one model is asked" in epochs(two_versions)[-1].detail
    await two_versions.send(STATISTICS, block(0, epochs(two_versions)[-1].epoch, 0.2, pairs=1000))
    shown = await view(two_versions)
    assert 10_000 < shown["expected"] < 20_000
    assert shown["tolerated"] == 0.01


def compared(stream: Any, number: int, half: float) -> Any:
    """A run whose candidate and the champion were compared on 200 rows, by an interval half as wide."""
    run = stream.run(number)
    losses = LossMoments(loss="error", rows=200, mean=0.2, squares=32.0)
    gain = run.evaluation.gain.model_copy(update={"value": 0.1, "low": 0.1 - half, "high": 0.1 + half})
    known = {"champion_version": CHAMPION if number > 1 else 0, "losses": losses, "gain": gain}
    return run.model_copy(update={"evaluation": run.evaluation.model_copy(update=known)})


@pytest.mark.parametrize(("half", "difference", "outcomes"), [(0.02, "0.01", "5,400"), (0.08, "0.0156", "20,000")])
async def test_by_an_objective_it_is_said_what_the_limit_can_show_of_models_so_alike(
    loans: Any, half: float, difference: str, outcomes: str
) -> None:
    declaration = (await loans.client.get("/v1/streams/loans")).json()["declaration"]
    declaration |= {"objective": {"metric": "accuracy"}, "rollout": {"mode": "canary"}}
    await loans.client.put("/v1/streams/loans", json=declaration)
    for number in (1, 2):
        await loans.send(TRAINING_RUNS, compared(loans, number, half))
    said = f"is promoted, within {difference}, after some {outcomes} outcomes"
    detail = (await view(loans))["detail"]
    assert said in detail
    assert "the limit is" not in detail
    await loans.client.post("/v1/streams/loans/rollout/abort", json={"detail": "enough seen"})
    await loans.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "canary"))
    assert said in (await view(loans))["detail"], "by hand as by itself"


async def test_a_challenger_shown_to_be_worse_is_taken_back_even_while_paused(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "canary"))
    started = epochs(two_versions)[-1].epoch
    await two_versions.registry.control_rollout("loans", "pause")
    for number in range(4):
        await two_versions.send(STATISTICS, block(number, started, 0.2))
    assert epochs(two_versions)[-1].epoch == started, "a paused rollout takes no step"
    for number in range(4, 20):
        await two_versions.send(STATISTICS, block(number, started, 0.9))
    ended = epochs(two_versions)[-1]
    assert (ended.champion.version, ended.rollout) == (CHAMPION, None)
    assert "worse than the champion" in ended.detail
    alerts = [alert for alert in two_versions.published(ALERTS) if alert.subject == "taken-back"]
    assert [alert.version for alert in alerts] == [CHALLENGER]


async def test_a_challenger_that_the_server_took_out_is_taken_back(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "ab"))
    fields = {"source": "penstock/server", "id": "blown", "time": "2024-05-02T00:00:00Z", "severity": "critical"}
    failure = {
        "subject": FAILED_CHALLENGER,
        "message": "it took longer than 2 s",
        "stream": "loans",
        "version": CHALLENGER,
    }
    await two_versions.send(ALERTS, Alert.model_validate(fields | failure | {"version": 7, "id": "of another"}))
    assert epochs(two_versions)[-1].rollout is not None
    await two_versions.send(ALERTS, Alert.model_validate(fields | failure))
    assert epochs(two_versions)[-1].rollout is None
    assert "it took longer" in epochs(two_versions)[-1].detail


async def test_who_pauses_it_and_lets_it_go_on_is_audited_with_the_reason(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "ab"))
    for action in ("pause", "resume"):
        body = {"detail": f"to {action}"}
        await two_versions.client.post(
            f"/v1/streams/loans/rollout/{action}", json=body, headers={"x-penstock-actor": "ann"}
        )
    noted = [(entry.actor, entry.action, entry.detail["why"]) for entry in two_versions.published(AUDIT)[-2:]]
    assert noted == [("ann", "rollout.paused", "to pause"), ("ann", "rollout.resumed", "to resume")]


@pytest.mark.parametrize(("action", "champion"), [("abort", CHAMPION), ("promote", CHALLENGER)])
async def test_a_command_ends_it_either_way(two_versions: Any, action: Any, champion: int) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "shadow"))
    answer = await two_versions.client.post(f"/v1/streams/loans/rollout/{action}", json={"detail": "enough seen"})
    assert answer.status_code == 200
    assert (epochs(two_versions)[-1].champion.version, epochs(two_versions)[-1].rollout) == (
        champion,
        None,
    )
    again = await two_versions.client.post(f"/v1/streams/loans/rollout/{action}")
    assert (again.status_code, again.json()["code"]) == (409, "no_rollout")


async def test_another_champion_ends_a_rollout(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "canary"))
    await two_versions.registry.promote("loans", Promotion(0, epochs(two_versions)[-1].epoch))
    assert (await two_versions.client.get("/v1/streams/loans/rollout")).json()["state"] == "ended"
    assert epochs(two_versions)[-1].rollout is None


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (RolloutStart((9,)), "unknown_version"),
        (RolloutStart((CHAMPION,)), "serves_already"),
        (RolloutStart((0, CHALLENGER), "ab"), "one_challenger"),
    ],
)
async def test_a_rollout_that_cannot_start_is_refused(two_versions: Any, start: RolloutStart, code: str) -> None:
    with pytest.raises(CommandRefused) as refused:
        await two_versions.registry.start_rollout("loans", start)
    assert refused.value.code == code
    assert epochs(two_versions)[-1].rollout is None


async def test_one_rollout_at_a_time_and_a_candidate_waits_for_its_end(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((CHALLENGER,), "bandit"))
    with pytest.raises(CommandRefused, match="is under way"):
        await two_versions.registry.start_rollout("loans", RolloutStart((0,)))
    await two_versions.send(TRAINING_RUNS, two_versions.run(3))
    assert epochs(two_versions)[-1].champion.version == CHAMPION
    (run,) = [
        run
        for run in (await two_versions.client.get("/v1/streams/loans/runs")).json()["runs"]
        if run["decision"]["version"] == 3
    ]
    assert run["decision"]["reasons"] == ["a rollout is under way"]


async def test_a_stream_that_declares_a_rollout_starts_one_for_its_candidates(loans: Any) -> None:
    declaration = (await loans.client.get("/v1/streams/loans")).json()["declaration"]
    declaration["rollout"]["mode"] = "canary"
    await loans.client.put("/v1/streams/loans", json=declaration)
    await loans.send(TRAINING_RUNS, loans.run(1))
    assert epochs(loans)[-1].champion.version == 1, "the baseline is replaced at once"
    await loans.send(TRAINING_RUNS, loans.run(2))
    epoch = epochs(loans)[-1]
    assert epoch.rollout is not None
    assert (epoch.champion.version, epoch.rollout.mode, epoch.rollout.challengers[0].model.version) == (1, "canary", 2)
