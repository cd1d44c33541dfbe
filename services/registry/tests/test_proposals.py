"""Proposals: what a stream that only proposes keeps waiting, and what approving or declining it does."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.declaration.model_lifecycle import PromotionDeclaration, RolloutDeclaration
from penstock.contracts.records.losses import LossMoments
from penstock.contracts.records.models import ModelEpoch
from penstock.contracts.records.monitoring import Alert, CohortLosses, Statistics
from penstock.contracts.topics import ALERTS, AUDIT, MODELS, STATISTICS, TRAINING_RUNS
from penstock.registry.command_context import CommandContext, Provenance
from penstock.registry.command_results import CommandRefused
from penstock.registry.control_records import Installation
from penstock.registry.db import streams, versions
from penstock.registry.proposal import Hold, ProposalEvidence, why_it_waits
from penstock.registry.use_cases.model_commands import Promotion
from penstock.registry.use_cases.proposals import install_or_propose
from penstock.registry.use_cases.rollout_commands import RolloutStart

from .conftest import DECLARATION, START

ANN = CommandContext("ann")
PROPOSE = PromotionDeclaration(mode="propose")
HOLD = Hold(epoch=4, by="ann", time=START)


@pytest.fixture
async def proposing(loans: Any) -> Any:
    """The stream, which only proposes."""
    await loans.registry.apply(DECLARATION.model_copy(update={"promotion": PROPOSE}))
    return loans


async def shown(deployment: Any) -> list[dict[str, Any]]:
    """The proposals of the stream, the newest first."""
    answer = await deployment.client.get("/v1/proposals", params={"stream": "loans"})
    proposals: list[dict[str, Any]] = answer.json()["proposals"]
    return proposals


def last_epoch(deployment: Any) -> ModelEpoch:
    epoch = deployment.published(MODELS)[-1]
    assert isinstance(epoch, ModelEpoch)
    return epoch


def audited(deployment: Any, prefix: str = "proposal.") -> list[tuple[str, str]]:
    return [(entry.action, entry.actor) for entry in deployment.published(AUDIT) if entry.action.startswith(prefix)]


@pytest.mark.parametrize(
    ("promotion", "hold", "reason"),
    [
        (PromotionDeclaration(), None, None),
        (PROPOSE, None, "the stream only proposes"),
        (PromotionDeclaration(), HOLD, "held since the rollback at epoch 4 by ann"),
        (PROPOSE, HOLD, "held since the rollback at epoch 4 by ann"),
    ],
)
def test_what_is_decided_waits_where_a_stream_only_proposes_or_is_held(
    promotion: PromotionDeclaration, hold: Hold | None, reason: str | None
) -> None:
    assert why_it_waits(promotion, hold) == reason
    assert why_it_waits(promotion, hold, replaces_external=True) is not None


async def test_a_candidate_waits_with_its_evidence_and_people_are_told(proposing: Any) -> None:
    run = proposing.run(1)
    await proposing.send(TRAINING_RUNS, run)
    assert last_epoch(proposing).epoch == 0, "the first model, too, only waits"
    (proposal,) = await shown(proposing)
    assert (proposal["state"], proposal["action"], proposal["version"], proposal["champion"], proposal["epoch"]) == (
        "waiting",
        "promote",
        1,
        0,
        0,
    )
    evidence = proposal["evidence"]
    assert (evidence["run"], evidence["reasons"]) == ("request-1", ["accuracy 0.8 against 0.7 on 200 rows"])
    assert (evidence["metric"], evidence["scores"]["gain"]["value"]) == ("accuracy", 0.1)
    (alert,) = proposing.published(ALERTS)
    assert isinstance(alert, Alert)
    assert (alert.severity, alert.subject, alert.version, alert.cause) == ("info", "proposal", 1, run.id)
    assert "proposal 1 waits: version 1 in place of version 0 (accuracy 0.8 against 0.7" in alert.message
    (shown_run,) = (await proposing.client.get("/v1/streams/loans/runs")).json()["runs"]
    assert shown_run["decision"]["outcome"] == "proposed"


async def test_an_approved_candidate_serves_and_the_epoch_says_who_and_why(proposing: Any) -> None:
    run = proposing.run(1)
    await proposing.send(TRAINING_RUNS, run)
    result = await proposing.registry.approve(1, "seen by the board", ANN)
    assert (result.status, result.epoch, result.model) == ("promoted", 1, 1)
    epoch = last_epoch(proposing)
    assert (epoch.epoch, epoch.reason, epoch.champion.version, epoch.cause) == (1, "promotion", 1, run.id)
    assert epoch.detail == "drift: accuracy 0.8 against 0.7 on 200 rows; approved by ann: seen by the board"
    again = await proposing.registry.approve(1, "", ANN)
    assert (again.status, last_epoch(proposing).epoch) == ("unchanged", 1)
    assert audited(proposing) == [("proposal.made", "penstock/registry"), ("proposal.approved", "ann")]
    assert (await proposing.client.get("/v1/audit/verify")).json()["sound"]


async def test_a_declined_candidate_never_serves(proposing: Any) -> None:
    await proposing.send(TRAINING_RUNS, proposing.run(1))
    assert (await proposing.registry.decline(1, "not before the audit", ANN)).status == "declined"
    assert (await proposing.registry.decline(1, "again", ANN)).status == "unchanged"
    with pytest.raises(CommandRefused, match="proposal 1 was declined by ann: not before the audit") as refused:
        await proposing.registry.approve(1, "", ANN)
    assert (refused.value.code, last_epoch(proposing).epoch) == ("proposal_decided", 0)
    (proposal,) = await shown(proposing)
    assert (proposal["state"], proposal["decided_by"], proposal["reason"]) == (
        "declined",
        "ann",
        "not before the audit",
    )


async def test_a_newer_proposal_supersedes_the_one_that_waits(proposing: Any) -> None:
    for number in (1, 2):
        await proposing.send(TRAINING_RUNS, proposing.run(number))
    assert [(proposal["version"], proposal["state"]) for proposal in await shown(proposing)] == [
        (2, "waiting"),
        (1, "superseded"),
    ]
    with pytest.raises(CommandRefused, match="proposal 1 was superseded by penstock/registry: proposal 2 is newer"):
        await proposing.registry.approve(1, "", ANN)
    assert (await proposing.registry.approve(2, "", ANN)).model == 2


async def test_the_same_run_again_is_the_same_proposal(proposing: Any) -> None:
    await proposing.send(TRAINING_RUNS, proposing.run(1))
    await proposing.send(TRAINING_RUNS, proposing.run(1))
    assert len(await shown(proposing)) == 1


async def test_a_proposal_against_another_champion_is_stale(proposing: Any) -> None:
    for number, gain in ((1, 0.0), (2, 0.1)):
        await proposing.send(TRAINING_RUNS, proposing.run(number, gain=gain))
    await proposing.registry.promote("loans", Promotion(1, 0))
    with pytest.raises(CommandRefused, match="proposal 1 was made at epoch 0: version 1 serves in place") as refused:
        await proposing.registry.approve(1, "", ANN)
    assert refused.value.code == "stale_epoch"
    assert (await shown(proposing))[0]["state"] == "stale"


async def test_a_proposal_stays_good_while_only_shares_have_changed(proposing: Any) -> None:
    for number, gain in ((1, 0.0), (2, 0.1)):
        await proposing.send(TRAINING_RUNS, proposing.run(number, gain=gain))
    await proposing.registry.start_rollout("loans", RolloutStart((1,), "canary"))
    await proposing.registry.control_rollout("loans", "abort")
    result = await proposing.registry.approve(1, "", ANN)
    assert (result.status, result.model, result.epoch) == ("promoted", 2, 3)


async def test_a_version_that_must_not_serve_is_not_approved(proposing: Any) -> None:
    await proposing.send(TRAINING_RUNS, proposing.run(1))
    await proposing.registry.archive("loans", 1)
    with pytest.raises(CommandRefused, match="version 1 is archived"):
        await proposing.registry.approve(1, "", ANN)
    assert (await shown(proposing))[0]["state"] == "waiting", "a refused approval decides nothing"


async def test_where_a_rollout_is_declared_approval_starts_it(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, loans.run(1))
    canary = RolloutDeclaration(mode="canary")
    await loans.registry.apply(DECLARATION.model_copy(update={"promotion": PROPOSE, "rollout": canary}))
    await loans.send(TRAINING_RUNS, loans.run(2))
    assert ((await shown(loans))[0]["action"], last_epoch(loans).rollout) == ("canary", None)
    assert (await loans.registry.approve(1, "", ANN)).status == "rollout_started"
    started = last_epoch(loans)
    assert started.rollout is not None
    assert (started.rollout.challengers[0].model.version, "approved by ann" in started.detail) == (2, True)


def error_rate(rows: int, mean: float) -> LossMoments:
    return LossMoments(loss="error", rows=rows, mean=mean, squares=rows * mean * (1 - mean))


def block(number: int, epoch: int, challenger: float) -> Statistics:
    """A block in which the champion, version 1, loses 0.5 an answer, and version 2 this much."""
    cohorts = [
        CohortLosses(epoch=epoch, version=version, role=role, losses=error_rate(200, mean))
        for version, role, mean in ((1, "champion", 0.5), (2, "challenger", challenger))
    ]
    times = dict.fromkeys(("time", "first_time", "last_time"), "2024-05-02T00:00:00Z")
    fields = {"source": "penstock/drift-detector", "id": f"block-{number}", "stream": "loans", "metric": "accuracy"}
    counts = {"start": number * 400, "stop": number * 400 + 400, "joined": 400, "expired": 0}
    state = {"score": 0.5, "coverage": 1.0, "version": 1, "epoch": epoch, "cohorts": cohorts}
    return Statistics.model_validate(times | fields | counts | state)


@pytest.fixture
async def better_challenger(proposing: Any) -> Any:
    """An A/B test of version 2 against the champion, version 1, which has shown that version 2 is better."""
    for number in (1, 2):
        await proposing.send(TRAINING_RUNS, proposing.run(number, gain=0.0))
    await proposing.registry.promote("loans", Promotion(1, 0))
    await proposing.registry.start_rollout("loans", RolloutStart((2,), "ab"))
    for number in range(4):
        await proposing.send(STATISTICS, block(number, last_epoch(proposing).epoch, 0.1))
    return proposing


async def test_a_rollout_proposes_its_challenger_once_and_goes_on(better_challenger: Any) -> None:
    (proposal,) = await shown(better_challenger)
    assert (proposal["action"], proposal["version"], proposal["state"]) == ("promote", 2, "waiting")
    assert "better than the champion" in proposal["evidence"]["reasons"][0]
    assert last_epoch(better_challenger).rollout is not None
    await better_challenger.registry.approve(1, "at last", ANN)
    ended = last_epoch(better_challenger)
    assert (ended.reason, ended.champion.version, ended.rollout) == ("promotion", 2, None)
    assert ended.detail.endswith("approved by ann: at last")


async def test_a_declined_challenger_is_taken_back(better_challenger: Any) -> None:
    await better_challenger.registry.decline(1, "too costly", ANN)
    ended = last_epoch(better_challenger)
    assert (ended.champion.version, ended.rollout) == (1, None)
    assert "declined by ann: too costly" in ended.detail


async def test_a_challenger_that_turns_worse_while_it_waits_is_taken_back_all_the_same(better_challenger: Any) -> None:
    epoch = last_epoch(better_challenger).epoch
    for number in range(4, 30):
        await better_challenger.send(STATISTICS, block(number, epoch, 0.95))
    assert last_epoch(better_challenger).rollout is None
    with pytest.raises(CommandRefused, match="its rollout has ended"):
        await better_challenger.registry.approve(1, "", ANN)


async def test_a_return_waits_too_and_its_approval_is_a_rollback(proposing: Any) -> None:
    await proposing.send(TRAINING_RUNS, proposing.run(1, gain=0.0))
    await proposing.registry.promote("loans", Promotion(1, 0))

    def return_to_baseline(session: Any) -> object:
        installation = Installation(versions.find_model(session, "loans", 0), "rollback", "shown to be better")
        evidence = ProposalEvidence(source="epoch-1", reasons=("it loses 0.3 more",))
        provenance = Provenance("penstock/registry", START, "epoch-1")
        return install_or_propose(session, streams.find(session, "loans"), installation, evidence, provenance)

    assert await proposing.registry.database.write(return_to_baseline) is None
    assert (await shown(proposing))[0]["action"] == "return"
    assert (await proposing.registry.approve(1, "", ANN)).status == "rolled_back"
    assert (last_epoch(proposing).reason, last_epoch(proposing).champion.version) == ("rollback", 0)


async def test_over_http_a_proposal_is_declined_with_a_reason(proposing: Any) -> None:
    await proposing.send(TRAINING_RUNS, proposing.run(1))
    for body in ({}, {"reason": " "}):
        answer = await proposing.client.post("/v1/proposals/1/decline", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, "reason")
    answer = await proposing.client.post("/v1/proposals/9/approve")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_proposal")
    headers = {"X-Penstock-Actor": "bob"}
    answer = await proposing.client.post("/v1/proposals/1/decline", json={"reason": "no"}, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "declined")
    assert audited(proposing)[-1] == ("proposal.declined", "bob")
    answer = await proposing.client.get("/v1/proposals", params={"stream": "cards"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_stream")
