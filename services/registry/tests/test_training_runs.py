"""Finished training runs: judged once, by figures and models that can be trusted."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.records.models import ModelEpoch, subject_of
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.topics import ALERTS, AUDIT, MODELS, TRAINING_REQUESTS, TRAINING_RUNS
from penstock.registry.baseline_model import PREDICATE


def last_audit(deployment: Any) -> tuple[str, dict[str, Any]]:
    entry = deployment.published(AUDIT)[-1]
    return entry.action, entry.detail


async def test_a_better_model_is_promoted(loans: Any) -> None:
    await loans.send(TRAINING_REQUESTS, loans.request(1))
    run = loans.run(1)
    await loans.send(TRAINING_RUNS, run)
    epoch = loans.published(MODELS)[-1]
    assert isinstance(epoch, ModelEpoch)
    assert (epoch.epoch, epoch.reason, epoch.cause, epoch.time) == (1, "promotion", run.id, run.time)
    assert (epoch.champion.version, epoch.champion.digest, epoch.champion.run) == (1, run.candidate.digest, "request-1")
    assert epoch.detail == "drift: accuracy 0.8 against 0.7 on 200 rows"


async def test_a_model_that_is_no_better_is_registered_and_kept_back(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, loans.run(1, gain=0.005))
    assert len(loans.published(MODELS)) == 1
    action, detail = last_audit(loans)
    assert (action, detail["passed"], detail["version"]) == ("version.registered", False, 1)
    await loans.send(TRAINING_RUNS, loans.run(2))
    assert loans.published(MODELS)[-1].champion.version == 2


async def test_the_same_record_again_changes_nothing(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, loans.run(1))
    before = (len(loans.published(MODELS)), len(loans.published(AUDIT)))
    await loans.send(TRAINING_RUNS, loans.run(1))
    await loans.send(TRAINING_RUNS, loans.run(1, id="the same request, run once more"))
    assert (len(loans.published(MODELS)), len(loans.published(AUDIT))) == before


async def test_a_run_behind_the_fence_is_refused(loans: Any) -> None:
    for fence in (1, 2):
        await loans.send(TRAINING_REQUESTS, loans.request(fence))
    await loans.send(TRAINING_RUNS, loans.run(1))
    assert len(loans.published(MODELS)) == 1
    action, detail = last_audit(loans)
    assert (action, "fence 1 is behind 2" in detail["reasons"][0]) == ("run.refused", True)


@pytest.mark.parametrize("subject", [subject_of("loans", "request-2"), subject_of("cards", "request-1")])
async def test_a_signature_for_something_else_is_refused(loans: Any, subject: str) -> None:
    run = loans.run(1)
    envelope = loans.parts.signer.sign(subject, run.candidate.digest, PREDICATE, {})
    candidate = run.candidate.model_copy(update={"envelope": envelope})
    await loans.send(TRAINING_RUNS, loans.run(1, candidate=candidate))
    await assert_refused(loans, "signed for the name")


async def test_a_signature_for_other_bytes_is_refused(loans: Any) -> None:
    candidate = loans.run(1).candidate.model_copy(update={"digest": loans.store.put(b"another model")})
    await loans.send(TRAINING_RUNS, loans.run(1, candidate=candidate))
    await assert_refused(loans, "signed for the digest")


async def test_figures_that_the_trainer_did_not_sign_are_refused(loans: Any) -> None:
    run = loans.run(1)
    signed = {"evaluation": run.evaluation.model_dump(mode="json")}
    envelope = loans.parts.signer.sign(subject_of("loans", "request-1"), run.candidate.digest, PREDICATE, signed)
    candidate = run.candidate.model_copy(update={"envelope": envelope})
    await loans.send(TRAINING_RUNS, loans.run(1, gain=0.2, candidate=candidate))
    await assert_refused(loans, "its signer stated another evaluation")


async def test_a_model_that_the_store_does_not_hold_is_refused(loans: Any) -> None:
    run = loans.run(1)
    del loans.store.contents[run.candidate.digest]
    await loans.send(TRAINING_RUNS, run)
    await assert_refused(loans, "the store does not hold")


async def test_a_finished_run_without_a_model_is_refused(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, loans.run(1, candidate=None))
    await assert_refused(loans, "it lacks candidate")


async def assert_refused(deployment: Any, reason: str) -> None:
    """Check that the baseline still serves, the refusal is in the audit log, and people are alerted."""
    assert len(deployment.published(MODELS)) == 1
    action, detail = last_audit(deployment)
    assert (action, reason in detail["reasons"][0]) == ("run.refused", True)
    (alert,) = deployment.published(ALERTS)
    assert isinstance(alert, Alert)
    assert reason in alert.message
    alerts = (await deployment.client.get("/v1/alerts")).json()["alerts"]
    assert [shown["id"] for shown in alerts] == [alert.id]


async def test_a_run_of_an_unknown_stream_is_refused(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, loans.run(1, stream="cards"))
    assert last_audit(loans)[0] == "run.refused"


async def test_figures_that_are_not_finite_are_kept_and_never_pass(loans: Any) -> None:
    evaluation = loans.run(1).evaluation
    gain = evaluation.gain.model_copy(update={"value": float("nan")})
    await loans.send(TRAINING_RUNS, loans.run(1, evaluation=evaluation.model_copy(update={"gain": gain})))
    assert len(loans.published(MODELS)) == 1
    (run,) = (await loans.client.get("/v1/streams/loans/runs")).json()["runs"]
    assert run["run"]["evaluation"]["gain"]["value"] is None
    assert run["decision"]["outcome"] == "kept_back"


async def test_runs_under_way_and_failed_ones_are_shown(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, loans.run(1, id="a", status="started", candidate=None))
    await loans.send(TRAINING_RUNS, loans.run(1, id="b", status="failed", failure="out of memory"))
    runs = (await loans.client.get("/v1/streams/loans/runs")).json()["runs"]
    assert [(run["run"]["status"], run["decision"]) for run in runs] == [("started", None), ("failed", None)]
