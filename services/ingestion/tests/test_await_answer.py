"""Waiting for an event's answer, and listening to the predictions of a key."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.bus.topics import stream_topics
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.rejections import rejection_id
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import Refusal
from penstock.ingestion.admission import Admission, AdmittedRecord
from penstock.ingestion.answer import Answer
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.answer_follower import AnswerFollower
from penstock.ingestion.answer_subscriptions import MAX_QUEUE
from penstock.ingestion.await_answer import AnswerLookup
from penstock.ingestion.intake import AcceptedRecord, OnAdmitted, Verdict
from penstock.ingestion.limits import LIMITS

from .conftest import LOANS
from .test_answer_cache import prediction, rejection

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STREAM = StreamDeclared(source="t", id="d", time=NOW, version=1, declaration=parse_declaration(LOANS))


def admitted(event_id: str, customer: str = "c1", amount: float = 1.0) -> AdmittedRecord:
    document = json.dumps({"id": event_id, "data": {"customer": customer, "amount": amount}}).encode()
    (record,) = Admission(STREAM, LIMITS).admit("event", [document], NOW)
    assert isinstance(record, AdmittedRecord)
    return record


class Waits:
    """Waits for answers to events that are accepted at once."""

    def __init__(self) -> None:
        self.cache = AnswerCache()
        self.log = MemoryLog()
        self.lookup = AnswerLookup(self.cache, AnswerFollower(self.log, "lookup", self.cache))
        self.admitted = 0

    async def wait(self, record: AdmittedRecord, seconds: float = 20) -> Answer | None:
        async def accept(on_admitted: OnAdmitted | None) -> Verdict:
            assert on_admitted is not None
            on_admitted(record)
            self.admitted += 1
            return AcceptedRecord(record.id)

        _, answer = await self.lookup.accept_and_wait(STREAM, accept, seconds)
        return answer

    async def start(self, *records: AdmittedRecord) -> list[asyncio.Task[Answer | None]]:
        """Wait for each, and return when all are admitted."""
        tasks = [asyncio.create_task(self.wait(record)) for record in records]
        async with asyncio.timeout(20):
            while self.admitted < len(records):  # noqa: ASYNC110 (several things are waited for)
                await asyncio.sleep(0.001)
        return tasks

    def predict(self, record: AdmittedRecord, value: str, key: bytes | None = None) -> None:
        operation = record.operation.digest
        answer = prediction(record.id, value, key=key or record.key, operation=operation)
        self.cache.add("loans", "prediction", answer)

    def reject(self, record: AdmittedRecord) -> None:
        record_id = rejection_id("http", record.id, record.value)
        self.cache.add("loans", "rejection", rejection(record.id, key=record.key, record_id=record_id))


@pytest.fixture
async def waits() -> Waits:
    opened = Waits()
    await opened.log.create(stream_topics("lookup", STREAM))
    return opened


def told(answer: Answer | None) -> str:
    body = {"status": "nothing"} if answer is None else json.loads(answer.body())
    return str(body.get("prediction", {}).get("value", body["status"]))


async def test_a_request_gets_the_answer_to_its_own_event_only(waits: Waits) -> None:
    records = [admitted("a"), admitted("a", amount=2.0), admitted("a", "c2"), admitted("b")]
    tasks = await waits.start(*records)
    assert waits.cache.subscriptions.count == len(records)
    waits.predict(records[2], "of c2")
    waits.predict(records[0], "of c1")
    waits.reject(records[1])
    waits.reject(records[3])
    answers = [told(answer) for answer in await asyncio.gather(*tasks)]
    assert answers == ["of c1", "rejected", "of c2", "rejected"]
    assert waits.cache.subscriptions.count == 0
    await waits.lookup.close()


async def test_an_earlier_prediction_is_the_answer_and_an_earlier_rejection_is_not(waits: Waits) -> None:
    waits.predict(admitted("a"), "yes")
    waits.reject(admitted("b"))
    assert told(await waits.wait(admitted("a"))) == "yes"
    assert await waits.wait(admitted("a", amount=2.0), 0) is None
    assert await waits.wait(admitted("b"), 0) is None
    await waits.lookup.close()


async def test_after_an_earlier_prediction_under_its_id_an_event_gets_its_own(waits: Waits) -> None:
    waits.predict(admitted("a"), "yes")
    (task,) = await waits.start(admitted("a", amount=2.0))
    waits.predict(admitted("a", amount=2.0), "no")
    assert told(await task) == "no"
    await waits.lookup.close()


async def test_a_request_that_was_given_up_leaves_nothing_behind(waits: Waits) -> None:
    submitted = asyncio.Event()
    held: list[OnAdmitted] = []

    async def accept(on_admitted: OnAdmitted | None) -> Verdict:
        assert on_admitted is not None
        held.append(on_admitted)
        submitted.set()
        await asyncio.Event().wait()
        return Refusal("malformed", "never")

    waiting = asyncio.create_task(waits.lookup.accept_and_wait(STREAM, accept, 20))
    await submitted.wait()
    waiting.cancel()
    await asyncio.wait({waiting})
    held[0](admitted("a"))
    assert waits.cache.subscriptions.count == 0
    await waits.lookup.close()


async def test_a_listener_gets_the_predictions_of_its_key_and_a_slow_one_is_ended() -> None:
    cache = AnswerCache()
    with cache.subscriptions.listen("s", b"c1") as listener:
        cache.add("s", "prediction", prediction("a"))
        cache.add("s", "prediction", prediction("b", key=b"c2"))
        cache.add("other", "prediction", prediction("c"))
        cache.add("s", "rejection", rejection("d"))
        cache.add("s", "prediction", prediction("a"))
        assert [listener.get_nowait().id for _ in range(listener.qsize())] == ["a"]  # type: ignore[union-attr]
        for number in range(MAX_QUEUE + 10):
            cache.add("s", "prediction", prediction(f"n{number}"))
        queue = [listener.get_nowait() for _ in range(listener.qsize())]
        assert (len(queue), queue[-1]) == (MAX_QUEUE + 1, None)
    assert cache.subscriptions.count == 0
