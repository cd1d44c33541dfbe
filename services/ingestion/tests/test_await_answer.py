"""Waiting for an event's answer, and listening to the predictions of a key."""

from __future__ import annotations

import asyncio
import json

import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.ingestion.answer_cache import AnswerCache
from penstock.ingestion.answer_follower import AnswerFollower
from penstock.ingestion.answer_subscriptions import MAX_QUEUE
from penstock.ingestion.await_answer import AnswerLookup
from penstock.ingestion.intake import AcceptedRecord

from .test_answer_cache import prediction, rejection


@pytest.fixture
def cache() -> AnswerCache:
    return AnswerCache()


@pytest.fixture
def lookup(cache: AnswerCache) -> AnswerLookup:
    return AnswerLookup(cache, AnswerFollower(MemoryLog(), "lookup", cache))


def accepted(event_id: str, key: bytes = b"c1") -> AcceptedRecord:
    return AcceptedRecord("http", event_id, key)


async def test_a_request_gets_the_answer_to_its_own_event_only(cache: AnswerCache, lookup: AnswerLookup) -> None:
    tasks = [
        asyncio.create_task(lookup.wait("s", accepted(event_id, key), 0, 20))
        for event_id, key in (("a", b"c1"), ("a", b"c2"), ("b", b"c1"))
    ]
    await asyncio.sleep(0)
    assert cache.subscriptions.count == 3
    cache.add("s", "prediction", prediction("a", "second", key=b"c2"))
    cache.add("s", "prediction", prediction("a", "first"))
    cache.add("s", "rejection", rejection("b"))
    bodies = [json.loads(answer.body()) for answer in await asyncio.gather(*tasks) if answer is not None]
    assert [body.get("prediction", {}).get("value", body["status"]) for body in bodies] == [
        "first",
        "second",
        "rejected",
    ]
    assert cache.subscriptions.count == 0


async def test_an_earlier_prediction_is_the_answer_and_an_earlier_rejection_is_not(
    cache: AnswerCache, lookup: AnswerLookup
) -> None:
    cache.add("s", "prediction", prediction("a"))
    cache.add("s", "rejection", rejection("b"))
    assert await lookup.wait("s", accepted("a"), cache.count, 0) is not None
    assert await lookup.wait("s", accepted("b"), cache.count, 0) is None
    assert await lookup.wait("s", accepted("b"), cache.count - 1, 0) is not None


async def test_a_listener_gets_the_predictions_of_its_key_and_a_slow_one_is_ended(cache: AnswerCache) -> None:
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
