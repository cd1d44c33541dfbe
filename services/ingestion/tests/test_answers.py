"""The memory of answers: bounded, the first prediction stands, and whoever waits hears of their own event alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.decoding import encode
from penstock.contracts.records.predictions import Prediction, PredictionData
from penstock.contracts.records.rejections import Rejected, RejectedData
from penstock.ingestion.answer_cache import LISTENER_HOLDS, Answers

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """A record of the log, as far as anybody looks at it here."""

    key: bytes | None
    value: bytes | None
    offset: int = 0
    timestamp: int = 0
    headers: tuple[Any, ...] = ()


def prediction(event_id: str, value: str = "no", key: bytes = b"c1", source: str = "http") -> Record:
    data = PredictionData(value=value, model="m", version=1, digest="d", epoch=1, schema=1, code="c", entity="c1")
    return Record(key, encode(Prediction(source=f"{source}#prediction", id=event_id, time=NOW, data=data)))


def rejection(event_id: str, code: str = "id_conflict", key: bytes = b"c1", kind: Any = "event") -> Record:
    data = RejectedData(kind=kind, id=event_id, code=code, detail="why", original="b3JpZ2luYWw=", field="f")
    return Record(key, encode(Rejected(source="http#rejected", id="r", time=NOW, data=data)))


def shown(answers: Answers, event_id: str) -> Any:
    found = answers.find("s", "http", event_id)
    return found and json.loads(found.body())


def test_an_answer_is_found_by_its_id_and_shows_what_the_log_holds() -> None:
    answers = Answers()
    answers.take("s", "prediction", prediction("a", "yes"))
    answers.take("s", "rejection", rejection("b"))

    assert {name: shown(answers, "a")[name] for name in ("id", "source", "status")} == {
        "id": "a",
        "source": "http",
        "status": "predicted",
    }
    assert shown(answers, "a")["prediction"]["value"] == "yes"
    assert shown(answers, "b")["rejection"] == {
        "kind": "event",
        "id": "b",
        "code": "id_conflict",
        "detail": "why",
        "field": "f",
    }
    assert answers.find("other", "http", "a") is None
    assert answers.find("s", "till", "a") is None


def test_the_first_prediction_stands_and_outdoes_a_rejection() -> None:
    answers = Answers()
    for record in (prediction("a", "yes"), prediction("a", "no")):
        answers.take("s", "prediction", record)
    answers.take("s", "rejection", rejection("a"))
    for kind, record in (("rejection", rejection("b", "wrong_type")), ("rejection", rejection("b"))):
        answers.take("s", kind, record)  # type: ignore[arg-type]
    assert shown(answers, "a")["prediction"]["value"] == "yes"
    assert shown(answers, "b")["rejection"]["code"] == "id_conflict"
    answers.take("s", "prediction", prediction("b"))
    assert shown(answers, "b")["status"] == "predicted"


def test_what_is_no_answer_to_an_event_is_passed_over() -> None:
    answers = Answers()
    answers.take("s", "rejection", rejection("a", kind="label"))
    answers.take("s", "rejection", rejection(""))
    for value in (None, b"", b"{", b"[]", b'{"id": 5, "source": "x"}', b"\xff"):
        answers.take("s", "prediction", Record(b"k", value))
        answers.take("s", "rejection", Record(b"k", value))
    assert (answers.count, answers.find("s", "http", "a")) == (0, None)


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 8))
def test_the_last_ones_are_kept_and_the_names_of_as_many_before_them(numbers: list[int], most: int) -> None:
    answers, kept = Answers(most), dict[int, None]()
    dropped: list[int] = []
    for number in numbers:
        answers.take("s", "prediction", prediction(str(number)))
        if number not in kept:
            kept[number] = None
        if len(kept) > most:
            gone = next(iter(kept))
            kept.pop(gone)
            dropped.append(gone)
    for number in range(21):
        assert (answers.find("s", "http", str(number)) is not None) == (number in kept)
    for number in dropped[-most:]:
        assert number in kept or answers.has_dropped("s", "http", str(number))
    assert not answers.has_dropped("s", "http", "never")


def test_large_answers_are_bounded_in_bytes() -> None:
    answers = Answers(most_bytes=10_000)
    for number in range(100):
        answers.take("s", "prediction", prediction(str(number), "x" * 1000))
    assert sum(answers.find("s", "http", str(number)) is not None for number in range(100)) < 10
    assert answers.find("s", "http", "99") is not None


async def test_whoever_waits_hears_of_their_own_event_alone() -> None:
    answers = Answers()
    waiting = [
        asyncio.create_task(answers.wait("s", "http", event_id, key, 0, 20))
        for event_id, key in (("a", b"c1"), ("a", b"c2"), ("b", b"c1"))
    ]
    await asyncio.sleep(0)
    assert answers.awaited == 3
    answers.take("s", "prediction", prediction("a", "second", key=b"c2"))
    answers.take("s", "prediction", prediction("a", "first"))
    answers.take("s", "rejection", rejection("b"))
    found = [json.loads(answer.body()) for answer in await asyncio.gather(*waiting) if answer is not None]
    assert [said.get("prediction", {}).get("value", said["status"]) for said in found] == [
        "first",
        "second",
        "rejected",
    ]
    assert answers.awaited == 0


async def test_what_was_predicted_before_is_known_at_once_and_an_old_rejection_is_not_the_answer() -> None:
    answers = Answers()
    answers.take("s", "prediction", prediction("a"))
    answers.take("s", "rejection", rejection("b"))
    assert await answers.wait("s", "http", "a", b"c1", answers.count, 0) is not None
    assert await answers.wait("s", "http", "b", b"c1", answers.count, 0) is None
    assert await answers.wait("s", "http", "b", b"c1", answers.count - 1, 0) is not None


async def test_a_listener_gets_the_predictions_of_its_key_and_a_slow_one_is_let_go() -> None:
    answers = Answers()
    with answers.listen("s", b"c1") as listener:
        answers.take("s", "prediction", prediction("a"))
        answers.take("s", "prediction", prediction("b", key=b"c2"))
        answers.take("other", "prediction", prediction("c"))
        answers.take("s", "rejection", rejection("d"))
        answers.take("s", "prediction", prediction("a"))
        assert [listener.get_nowait().id for _ in range(listener.qsize())] == ["a"]  # type: ignore[union-attr]
        for number in range(LISTENER_HOLDS + 10):
            answers.take("s", "prediction", prediction(f"n{number}"))
        held = [listener.get_nowait() for _ in range(listener.qsize())]
        assert (len(held), held[-1]) == (LISTENER_HOLDS + 1, None)
    assert answers.awaited == 0
