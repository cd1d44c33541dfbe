"""The automatic return, on a registry; and the losses on the holdout that an epoch states."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.training import ReturnEvidence, TrainingRun
from penstock.contracts.topics import ALERTS, AUDIT, MODELS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.registry.use_cases.model_commands import Promotion, Rollback

BETTER = (ReturnEvidence(version=1, rows=400, gain=0.3, low=0.21),)


def losses(number: int) -> LossMoments:
    return LossMoments(loss="error", rows=200, mean=number / 10, squares=20.0)


def with_losses(loans: Any, number: int, **changes: Any) -> TrainingRun:
    run = loans.run(number, **changes)
    evaluation = run.evaluation.model_copy(update={"losses": losses(number)})
    return TrainingRun.model_validate({**dict(run), "evaluation": evaluation})


def epochs_of(loans: Any) -> list[ModelEpoch]:
    return loans.published(MODELS)  # type: ignore[no-any-return]


@pytest.fixture
async def two_promoted(loans: Any) -> Any:
    """Versions 1 and 2 were promoted, in epochs 1 and 2; it is the champion of epoch 2 that falls short."""
    for number in (1, 2):
        await loans.send(TRAINING_RUNS, with_losses(loans, number))
    return loans


async def test_an_epoch_states_what_its_champion_lost_on_its_holdout(two_promoted: Any) -> None:
    assert [epoch.holdout for epoch in epochs_of(two_promoted)] == [None, losses(1), losses(2)]
    await two_promoted.registry.roll_back("loans", Rollback())
    await two_promoted.registry.promote("loans", Promotion(2, 3))
    await two_promoted.registry.roll_back("loans", Rollback(to_version=0))
    assert [epoch.holdout for epoch in epochs_of(two_promoted)[3:]] == [losses(1), losses(2), None]


async def test_a_champion_that_falls_short_makes_room_for_one_that_is_better(two_promoted: Any) -> None:
    run = two_promoted.run(3, gain=-0.1, returns=BETTER, shortfall=2)
    await two_promoted.send(TRAINING_RUNS, run)
    epoch = epochs_of(two_promoted)[-1]
    assert (epoch.epoch, epoch.champion.version, epoch.reason, epoch.cause) == (3, 1, "rollback", run.id)
    assert epoch.holdout == losses(1)
    assert epoch.detail == (
        "version 2 loses more than its holdout showed; on 400 of the outcomes that it answered version 1 loses 0.3 "
        "less an answer, at least 0.21"
    )
    (entry,) = [entry for entry in two_promoted.published(AUDIT) if entry.action == "champion.returned"]
    assert (entry.detail["from"], entry.detail["version"], entry.detail["low"]) == (2, 1, 0.21)
    (alert,) = [alert for alert in two_promoted.published(ALERTS) if alert.subject == "returned"]
    assert (alert.severity, alert.version, alert.cause) == ("warning", 2, run.id)
    await two_promoted.send(TRAINING_RUNS, run)
    assert len(epochs_of(two_promoted)) == 4, "the same record again changes nothing"


async def test_a_failed_run_leads_to_a_return_too(two_promoted: Any) -> None:
    failed = {"status": "failed", "candidate": None, "evaluation": None, "dataset": None}
    await two_promoted.send(TRAINING_RUNS, two_promoted.run(3, returns=BETTER, shortfall=2, **failed))
    assert epochs_of(two_promoted)[-1].champion.version == 1


async def test_a_candidate_that_passes_is_promoted_rather_than_returned_from(two_promoted: Any) -> None:
    await two_promoted.send(TRAINING_RUNS, two_promoted.run(3, returns=BETTER, shortfall=2))
    assert [(epoch.champion.version, epoch.reason) for epoch in epochs_of(two_promoted)[3:]] == [(3, "promotion")]


async def test_a_return_goes_before_the_rollout_of_the_candidate(two_promoted: Any) -> None:
    text = two_promoted.text + '\n[rollout]\nmode = "canary"\n'
    await two_promoted.registry.apply(parse_declaration(text))
    await two_promoted.send(TRAINING_RUNS, two_promoted.run(3, returns=BETTER, shortfall=2))
    returned, trial = epochs_of(two_promoted)[3:]
    assert (returned.champion.version, returned.reason, returned.rollout) == (1, "rollback", None)
    assert (trial.champion.version, trial.reason) == (1, "rollout")
    assert [challenger.model.version for challenger in trial.rollout.challengers] == [3]


@pytest.mark.parametrize("evidence", [(), (ReturnEvidence(version=1, rows=400, gain=0.3, low=-0.01),)])
async def test_the_champion_stays_where_nothing_is_better(two_promoted: Any, evidence: Any) -> None:
    await two_promoted.send(TRAINING_RUNS, two_promoted.run(3, gain=-0.1, returns=evidence, shortfall=2))
    assert len(epochs_of(two_promoted)) == 3


async def test_a_run_for_another_reason_returns_from_nothing(two_promoted: Any) -> None:
    await two_promoted.send(TRAINING_REQUESTS, two_promoted.request(4))
    await two_promoted.send(TRAINING_RUNS, two_promoted.run(4, gain=-0.1, returns=BETTER))
    assert len(epochs_of(two_promoted)) == 3


async def test_an_archived_version_is_not_returned_to(two_promoted: Any) -> None:
    await two_promoted.registry.archive("loans", 1)
    both = (*BETTER, ReturnEvidence(version=0, rows=400, gain=0.2, low=0.1))
    await two_promoted.send(TRAINING_RUNS, two_promoted.run(3, gain=-0.1, returns=both, shortfall=2))
    assert epochs_of(two_promoted)[-1].champion.version == 0


async def test_a_return_waits_for_a_person_where_the_stream_only_proposes(two_promoted: Any) -> None:
    await two_promoted.registry.apply(parse_declaration(two_promoted.text + '\n[promotion]\nmode = "propose"\n'))
    await two_promoted.send(TRAINING_RUNS, two_promoted.run(3, gain=-0.1, returns=BETTER, shortfall=2))
    assert len(epochs_of(two_promoted)) == 3
    assert {alert.subject for alert in two_promoted.published(ALERTS)} == {"proposal"}
    await two_promoted.registry.approve(1, "the figures are plain")
    assert epochs_of(two_promoted)[-1].champion.version == 1


async def test_a_pause_keeps_no_champion_that_falls_short(two_promoted: Any) -> None:
    await two_promoted.registry.pause("loans", "bad feed")
    await two_promoted.send(TRAINING_RUNS, two_promoted.run(3, gain=-0.1, returns=BETTER, shortfall=2))
    assert epochs_of(two_promoted)[-1].champion.version == 1
