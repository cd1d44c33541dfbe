"""The answer cache: it is bounded, and an event's first prediction stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.operation_header import OPERATION
from penstock.contracts.records.predictions import Prediction, PredictionData
from penstock.contracts.records.rejections import Rejection, RejectionData
from penstock.ingestion.answer_cache import AnswerCache

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """A record of the log."""

    key: bytes | None
    value: bytes | None
    offset: int = 0
    timestamp: int = 0
    headers: tuple[Any, ...] = ()


def prediction(
    event_id: str, value: str = "no", key: bytes = b"c1", source: str = "http", operation: bytes | None = None
) -> Record:
    data = PredictionData(value=value, model="m", version=1, digest="d", epoch=1, schema=1, code="c", entity="c1")
    content = encode(Prediction(source=f"{source}#prediction", id=event_id, time=NOW, data=data))
    return Record(key, content, headers=() if operation is None else ((OPERATION, operation),))


def rejection(
    event_id: str, code: str = "id_conflict", key: bytes = b"c1", kind: Any = "event", record_id: str = "r"
) -> Record:
    data = RejectionData(kind=kind, id=event_id, code=code, detail="why", original="b3JpZ2luYWw=", field="f")
    return Record(key, encode(Rejection(source="http#rejected", id=record_id, time=NOW, data=data)))


def body_of(cache: AnswerCache, event_id: str) -> Any:
    answer = cache.find("s", "http", event_id)
    return answer and json.loads(answer.body())


def test_an_answer_is_found_by_its_id_and_shows_what_the_log_holds() -> None:
    cache = AnswerCache()
    cache.add("s", "prediction", prediction("a", "yes"))
    cache.add("s", "rejection", rejection("b"))

    assert {name: body_of(cache, "a")[name] for name in ("id", "source", "status")} == {
        "id": "a",
        "source": "http",
        "status": "predicted",
    }
    assert body_of(cache, "a")["prediction"]["value"] == "yes"
    assert body_of(cache, "b")["rejection"] == {
        "kind": "event",
        "id": "b",
        "code": "id_conflict",
        "detail": "why",
        "field": "f",
    }
    assert cache.find("other", "http", "a") is None
    assert cache.find("s", "till", "a") is None


def test_the_first_prediction_stands_and_replaces_a_rejection() -> None:
    cache = AnswerCache()
    for record in (prediction("a", "yes"), prediction("a", "no")):
        cache.add("s", "prediction", record)
    cache.add("s", "rejection", rejection("a"))
    for kind, record in (("rejection", rejection("b", "wrong_type")), ("rejection", rejection("b"))):
        cache.add("s", kind, record)  # type: ignore[arg-type]
    assert body_of(cache, "a")["prediction"]["value"] == "yes"
    assert body_of(cache, "b")["rejection"]["code"] == "id_conflict"
    cache.add("s", "prediction", prediction("b"))
    assert body_of(cache, "b")["status"] == "predicted"


def test_what_is_no_answer_to_an_event_is_skipped() -> None:
    cache = AnswerCache()
    cache.add("s", "rejection", rejection("a", kind="label"))
    cache.add("s", "rejection", rejection(""))
    for value in (None, b"", b"{", b"[]", b'{"id": 5, "source": "x"}', b"\xff"):
        cache.add("s", "prediction", Record(b"k", value))
        cache.add("s", "rejection", Record(b"k", value))
    assert cache.find("s", "http", "a") is None


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 8))
def test_the_newest_are_kept_and_as_many_dropped_ones_are_known(numbers: list[int], max_answers: int) -> None:
    cache, kept = AnswerCache(max_answers), dict[int, None]()
    dropped: list[int] = []
    for number in numbers:
        cache.add("s", "prediction", prediction(str(number)))
        if number not in kept:
            kept[number] = None
        if len(kept) > max_answers:
            oldest = next(iter(kept))
            kept.pop(oldest)
            dropped.append(oldest)
    for number in range(21):
        assert (cache.find("s", "http", str(number)) is not None) == (number in kept)
    for number in dropped[-max_answers:]:
        assert number in kept or cache.has_dropped("s", "http", str(number))
    assert not cache.has_dropped("s", "http", "never")


def test_large_answers_are_bounded_in_bytes() -> None:
    cache = AnswerCache(max_bytes=10_000)
    for number in range(100):
        cache.add("s", "prediction", prediction(str(number), "x" * 1000))
    assert sum(cache.find("s", "http", str(number)) is not None for number in range(100)) < 10
    assert cache.find("s", "http", "99") is not None
