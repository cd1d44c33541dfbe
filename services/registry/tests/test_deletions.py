"""A person's deletion: a stream ends for good, its topics go once services have left them, and its history stays."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.bus.ports import RecordBatch
from penstock.bus.topics import stream_topics
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import ALERTS, AUDIT, EVENTS, MODELS, STREAMS, TRAINING_RUNS
from penstock.registry.command_context import CommandContext
from penstock.registry.command_results import CommandRefused
from penstock.registry.topic_deletion import LEAVE_S, TopicDeletion
from penstock.registry.use_cases.rollout_commands import RolloutStart

from .test_rollouts import block, two_versions

__all__ = ["two_versions"]

ANN, BOB = CommandContext("ann"), CommandContext("bob")


def on_the_log(deployment: Any) -> Streams:
    streams = Streams()
    for record in deployment.published(STREAMS):
        streams.apply(record)
    return streams


def actions(deployment: Any) -> list[str]:
    return [entry.action for entry in deployment.published(AUDIT)]


async def topics_of(deployment: Any, stream: str = "loans") -> set[str]:
    declared = on_the_log(deployment).known(stream)
    assert declared is not None
    found: set[str] = await deployment.process.log.existing([t.name for t in stream_topics("penstock", declared)])
    return found


class Elapsed:
    """A registry's task that deletes topics, started anew, and the seconds that it thinks have passed."""

    def __init__(self, deployment: Any) -> None:
        self.seconds = 0.0
        resources = deployment.process.resources()
        for record in deployment.published(STREAMS):
            resources.streams.apply(record)
        self.task = TopicDeletion(deployment.registry, resources, lambda: self.seconds)

    async def leave(self) -> None:
        await self.task.step()
        self.seconds += LEAVE_S
        await self.task.step()


@pytest.fixture
async def deleted(loans: Any) -> Any:
    """The stream, served by version 1 and then deleted by ann; its topics are still there."""
    await loans.send(TRAINING_RUNS, loans.run(1))
    await loans.registry.delete("loans", "moved", ANN)
    return loans


async def test_who_deleted_it_and_why_is_on_the_log_in_its_view_and_in_the_audit_log(deleted: Any) -> None:
    streams = on_the_log(deleted)
    assert (streams.get("loans"), streams.names()) == (None, [])
    known = streams.known("loans")
    assert known is not None
    assert known.deletion is not None
    assert (known.version, known.deletion.by, known.deletion.detail) == (1, "ann", "moved")
    assert (await deleted.client.get("/v1/streams")).json() == {"streams": []}
    assert (await deleted.client.get("/v1/streams/loans")).json()["deletion"]["by"] == "ann"
    entry = deleted.published(AUDIT)[-1]
    assert (entry.actor, entry.action, entry.detail) == ("ann", "stream.deleted", {"why": "moved"})


async def test_its_history_can_still_be_read(deleted: Any) -> None:
    for path, key in (("epochs", "epochs"), ("models", "models"), ("runs", "runs")):
        assert (await deleted.client.get(f"/v1/streams/loans/{path}")).json()[key], path


async def test_it_is_deleted_once_and_takes_no_other_command(deleted: Any) -> None:
    assert (await deleted.registry.delete("loans", "again", BOB)).status == "unchanged"
    assert actions(deleted).count("stream.deleted") == 1
    for command in ("retrain", "release", "resume", "rollback"):
        answer = await deleted.client.post(f"/v1/streams/loans/{command}", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_stream")
        assert "was deleted by ann" in answer.json()["detail"]


async def test_its_name_is_not_given_again(deleted: Any) -> None:
    with pytest.raises(CommandRefused, match="declare the stream under another name") as refused:
        await deleted.registry.apply(deleted.declaration)
    assert (refused.value.kind, refused.value.code) == ("conflict", "deleted_stream")
    answer = await deleted.client.put(
        "/v1/streams/loans", content=deleted.text, headers={"content-type": "application/toml"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "deleted_stream")


async def test_its_topics_go_after_services_have_left_them_and_others_stay(deleted: Any) -> None:
    other = deleted.declaration.model_copy(update={"name": "cards"})
    await deleted.registry.apply(other)
    task, before = Elapsed(deleted), await topics_of(deleted)
    await task.task.step()
    task.seconds = LEAVE_S - 1
    await task.task.step()
    assert await topics_of(deleted) == before
    task.seconds = LEAVE_S
    await task.task.step()
    assert before
    assert not await topics_of(deleted)
    assert len(await topics_of(deleted, "cards")) == len(before)
    known = on_the_log(deleted).known("loans")
    assert known is not None
    assert known.deletion is not None
    assert (known.deletion.by, known.deletion.completed is not None) == ("ann", True)
    entry = deleted.published(AUDIT)[-1]
    assert (entry.action, set(entry.detail["topics"])) == ("stream.topics-deleted", before)


async def test_a_deletion_that_was_cut_off_is_completed_by_the_next_start(deleted: Any) -> None:
    names = sorted(await topics_of(deleted))
    await deleted.process.log.delete_topics(names[:3])  # as far as the registry before came
    await Elapsed(deleted).leave()
    assert not await topics_of(deleted)
    await Elapsed(deleted).leave()
    assert actions(deleted).count("stream.topics-deleted") == 1


async def test_topics_gone_before_it_was_kept_are_no_failure(deleted: Any) -> None:
    await deleted.process.log.delete_topics(await topics_of(deleted))
    await Elapsed(deleted).leave()
    assert actions(deleted).count("stream.topics-deleted") == 1


async def test_it_waits_for_a_log_that_is_away_and_says_so(deleted: Any) -> None:
    task = Elapsed(deleted)
    await task.task.step()
    deleted.process.log.away, task.seconds = True, LEAVE_S
    await task.task.step()
    assert task.task.failures() == {"topics of loans": "the log is away"}
    deleted.process.log.away = False
    await task.task.step()
    assert (task.task.failures(), await topics_of(deleted)) == ({}, set())


async def test_its_records_published_again_make_no_topics_anew(deleted: Any) -> None:
    await Elapsed(deleted).leave()
    await deleted.registry.publish_outbox()
    assert not await topics_of(deleted)


async def test_its_rollout_ends_and_what_was_proposed_is_declined(two_versions: Any) -> None:
    await two_versions.registry.start_rollout("loans", RolloutStart((2,), "canary", (0.1, 0.5)), ANN)
    epoch = two_versions.published(MODELS)[-1].epoch
    await two_versions.registry.delete("loans", "moved", ANN)
    assert await two_versions.registry.streams_in_rollout() == frozenset()
    await two_versions.registry.record_statistics(block(0, epoch, 0.9))
    assert two_versions.published(MODELS)[-1].epoch == epoch
    assert "rollout.overtaken" in actions(two_versions)


async def test_a_proposal_that_waits_is_declined(loans: Any) -> None:
    await loans.registry.pause("loans", "bad feed", context=ANN)
    await loans.send(TRAINING_RUNS, loans.run(1))
    await loans.registry.delete("loans", "moved", BOB)
    (proposal,) = (await loans.client.get("/v1/proposals")).json()["proposals"]
    assert (proposal["state"], proposal["decided_by"]) == ("declined", "bob")


async def test_its_alerts_are_over_once_its_topics_are_gone(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, loans.run(1, status="failed", failure="too few", candidate=None))
    await loans.registry.delete("loans", "moved", ANN)
    assert [alert.state for alert in loans.published(ALERTS)] == ["firing"]
    await Elapsed(loans).leave()
    fired, ended = loans.published(ALERTS)
    assert (ended.key, ended.kind, ended.state) == (fired.key, fired.kind, "resolved")


async def test_a_run_that_ends_later_is_kept_and_changes_nothing(deleted: Any) -> None:
    epochs, alerts = len(deleted.published(MODELS)), len(deleted.published(ALERTS))
    await deleted.send(TRAINING_RUNS, deleted.run(2))
    await deleted.send(TRAINING_RUNS, deleted.run(3, status="failed", failure="no stream", candidate=None))
    runs = (await deleted.client.get("/v1/streams/loans/runs")).json()["runs"]
    assert [run["decision"] and run["decision"]["outcome"] for run in runs] == ["promoted", "refused", None]
    assert (len(deleted.published(MODELS)), len(deleted.published(ALERTS))) == (epochs, alerts)


async def test_over_http_it_needs_a_reason(loans: Any) -> None:
    refused = await loans.client.post("/v1/streams/loans/delete", json={"reason": " "})
    assert (refused.status_code, refused.json()["field"]) == (422, "reason")
    loans.process.log.append([RecordBatch.single(EVENTS.name("penstock", "loans"), 0, b"a", b"{}")])
    done = await loans.client.post("/v1/streams/loans/delete", json={"reason": "moved"})
    assert (done.status_code, done.json()["status"]) == (200, "deleted")
