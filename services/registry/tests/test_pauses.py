"""A person's pause: nothing is promoted or rolled out by itself; what keeps the stream safe goes on."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import AUDIT, COMMANDS, MODELS, STREAMS, TRAINING_RUNS
from penstock.registry.command_context import CommandContext, IdempotencyKey
from penstock.registry.command_results import CommandRefused
from penstock.registry.use_cases.model_commands import Promotion, Rollback
from penstock.registry.use_cases.rollout_commands import RolloutStart

from .test_rollouts import block, two_versions

__all__ = ["two_versions"]

ANN, BOB = CommandContext("ann"), CommandContext("bob")


@pytest.fixture
async def paused(loans: Any) -> Any:
    """The stream, served by version 1 and then paused by ann."""
    await loans.send(TRAINING_RUNS, loans.run(1))
    await loans.registry.pause("loans", "bad feed", context=ANN)
    return loans


def on_the_log(deployment: Any) -> StreamDeclared:
    streams = Streams()
    for record in deployment.published(STREAMS):
        streams.apply(record)
    declared = streams.get("loans")
    assert declared is not None
    return declared


def actions(deployment: Any) -> list[str]:
    return [entry.action for entry in deployment.published(AUDIT)]


async def test_a_pause_is_on_the_log_in_the_views_and_in_the_audit_log(paused: Any) -> None:
    declared = on_the_log(paused)
    assert declared.pause is not None
    assert (declared.version, declared.pause.by, declared.pause.detail) == (1, "ann", "bad feed")
    assert declared.takes_records
    shown = (await paused.client.get("/v1/streams/loans")).json()
    assert (shown["version"], shown["pause"]["by"], shown["pause"]["intake"]) == (1, "ann", False)
    entry = paused.published(AUDIT)[-1]
    assert (entry.actor, entry.action, entry.detail) == ("ann", "stream.paused", {"intake": False, "why": "bad feed"})


async def test_it_is_begun_and_ended_once(paused: Any) -> None:
    again = await paused.registry.pause("loans", "again", context=BOB)
    assert (again.status, on_the_log(paused).pause.by) == ("unchanged", "ann")
    assert (await paused.registry.resume("loans", "mended", BOB)).status == "resumed"
    assert (await paused.registry.resume("loans", "mended", BOB)).status == "unchanged"
    assert on_the_log(paused).pause is None
    assert (actions(paused).count("stream.paused"), actions(paused).count("stream.resumed")) == (1, 1)
    entry = paused.published(AUDIT)[-1]
    assert (entry.actor, entry.detail["by"], entry.detail["why"]) == ("bob", "ann", "mended")


async def test_the_intake_is_closed_and_opened_within_one_pause(paused: Any) -> None:
    began = on_the_log(paused).pause.time
    paused.process.clock.advance_to(paused.process.clock() + 3_600_000)
    assert (await paused.registry.pause("loans", "worse", intake=True, context=BOB)).status == "paused"
    declared = on_the_log(paused)
    assert (declared.takes_records, declared.pause.time, declared.pause.by) == (False, began, "bob")
    await paused.registry.pause("loans", "better", context=BOB)
    assert on_the_log(paused).takes_records


async def test_another_declaration_leaves_it_paused_and_its_end_leaves_the_declaration(paused: Any) -> None:
    gates = paused.declaration.gates.model_copy(update={"margin": 0.2})
    changed = paused.declaration.model_copy(update={"gates": gates})
    assert (await paused.registry.apply(changed)).status == "changed"
    assert (on_the_log(paused).version, on_the_log(paused).pause.by) == (2, "ann")
    await paused.registry.resume("loans", "", ANN)
    declared = on_the_log(paused)
    assert (declared.version, declared.pause, declared.declaration.gates.margin) == (2, None, 0.2)
    await paused.registry.apply(paused.declaration)
    assert (on_the_log(paused).version, on_the_log(paused).pause) == (3, None)


async def test_a_candidate_that_passes_waits_and_goes_on_waiting(paused: Any) -> None:
    await paused.send(TRAINING_RUNS, paused.run(2))
    assert paused.published(MODELS)[-1].champion.version == 1
    (proposal,) = (await paused.client.get("/v1/proposals")).json()["proposals"]
    assert (proposal["version"], proposal["state"], proposal["waits"]) == (2, "waiting", "paused by ann")
    await paused.registry.resume("loans", "", ANN)
    assert paused.published(MODELS)[-1].champion.version == 1
    await paused.registry.approve(1, "looked at", ANN)
    assert paused.published(MODELS)[-1].champion.version == 2


async def test_people_promote_and_roll_back_all_the_same_and_it_stays_paused(paused: Any) -> None:
    await paused.send(TRAINING_RUNS, paused.run(2))
    epoch = paused.published(MODELS)[-1].epoch
    assert (await paused.registry.promote("loans", Promotion(2, epoch), ANN)).status == "promoted"
    assert (await paused.registry.roll_back("loans", Rollback(to_version=1), ANN)).status == "rolled_back"
    assert on_the_log(paused).pause is not None


async def test_no_training_is_asked_for(paused: Any) -> None:
    with pytest.raises(CommandRefused, match="paused by ann: no model is trained; resume the stream first") as refused:
        await paused.registry.request_training("loans")
    assert refused.value.code == "paused"
    assert paused.published(COMMANDS) == []


async def test_a_rollout_stays_at_its_step_until_its_stream_goes_on(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((2,), "canary", (0.1, 0.5)), ANN)
    await two_versions.registry.pause("loans", "bad feed", context=ANN)
    epoch = two_versions.published(MODELS)[-1].epoch
    for number in range(40):
        await two_versions.registry.record_statistics(block(number, epoch, 0.05))
    assert two_versions.published(MODELS)[-1].epoch == epoch
    shown = (await two_versions.client.get("/v1/streams/loans/rollout")).json()
    assert (shown["state"], shown["step"]) == ("paused", 0)
    with pytest.raises(CommandRefused, match="its rollout takes no step"):
        await two_versions.registry.control_rollout("loans", "resume", "", ANN)
    await two_versions.registry.resume("loans", "", ANN)
    await two_versions.registry.record_statistics(block(40, epoch, 0.05))
    await two_versions.registry.publish_outbox()
    assert two_versions.published(MODELS)[-1].epoch > epoch, "what came in the pause is evidence"


async def test_a_challenger_that_is_worse_is_taken_back_in_a_pause(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((2,), "canary", (0.1, 0.5)), ANN)
    await two_versions.registry.pause("loans", "bad feed", context=ANN)
    epoch = two_versions.published(MODELS)[-1].epoch
    for number in range(10):
        await two_versions.registry.record_statistics(block(number, epoch, 0.9))
    await two_versions.registry.publish_outbox()
    assert "rollout.taken-back" in actions(two_versions)


async def test_over_http_it_needs_a_reason_and_its_key_makes_it_once(loans: Any) -> None:
    url, key = "/v1/streams/loans/pause", {"idempotency-key": "k1", "x-penstock-actor": "ann"}
    refused = await loans.client.post(url, json={"reason": " "})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "invalid", "reason")
    body = {"reason": "bad feed", "intake": True}
    first = await loans.client.post(url, json=body, headers=key)
    await loans.registry.resume("loans")
    again = await loans.client.post(url, json=body, headers=key)
    assert (first.status_code, first.json()["status"]) == (200, "paused")
    assert again.json() == first.json()
    assert on_the_log(loans).pause is None
    assert (await loans.client.post("/v1/streams/loans/resume")).json()["status"] == "unchanged"
    unknown = await loans.client.post("/v1/streams/cards/resume")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_stream")


async def test_a_pause_under_a_key_is_carried_out_once(loans: Any) -> None:
    context = CommandContext("ann", IdempotencyKey("k", "digest"))
    for _ in range(2):
        assert (await loans.registry.pause("loans", "why", context=context)).status == "paused"
    assert actions(loans).count("stream.paused") == 1
