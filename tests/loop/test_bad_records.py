"""Bad records among good ones: each is refused with its code, and no good one is lost."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from penstock.bus.ports import RecordBatch
from penstock.console.demo.credit_risk import SOURCE, START, CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.contracts.topics import RECEIVED, REJECTED, STREAM_DEAD_LETTERS, Topic

from .log_records import records_of

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "type": "penstock.event.v1",
    "source": SOURCE,
    "id": "good",
    "time": START.isoformat(),
    "data": {"customer": "c-1", "income": 1.0, "amount": 1.0, "account_months": 1, "purpose": "car"},
}
BAD: dict[str, dict[str, Any]] = {
    "wrong_type": {"data": GOOD["data"] | {"income": "much"}},
    "out_of_range": {"data": GOOD["data"] | {"amount": -1}},
    "extra_field": {"data": GOOD["data"] | {"colour": "red"}},
    "missing_field": {"data": {"income": 1.0}},
    "bad_time": {"time": "2026-01-05T08:00:00"},
    "clock_skew": {"time": "2126-01-05T08:00:00Z"},
}
UNREADABLE = (b"\x00\xff\x00", b"[1, 2")
NOT_AN_EVENT = {b"7": "wrong_type", b'{"id": 1}': "missing_field"}


async def write(deployment: InProcessDeployment, *values: bytes | None) -> None:
    """Write to `received`, at the good event's time, as a Kafka producer does."""
    await deployment.send("event", [], START)
    topic = RECEIVED.name("penstock", deployment.watch.stream.name)
    deployment.log.append([RecordBatch.single(topic, 0, None, value) for value in values])
    await deployment.await_quiet()
    await deployment.watch.read_to_end()


def stored(deployment: InProcessDeployment, topic: Topic[Any]) -> list[Any]:
    """All records of a topic of the stream."""
    return records_of(deployment.log, topic, deployment.watch.stream)


def event(**changes: Any) -> bytes:
    """The good event with changes."""
    return json.dumps(GOOD | changes).encode()


async def test_bad_events_from_kafka_are_rejected_with_their_code_and_bytes() -> None:
    async with in_process_deployment(demo_declaration()) as deployment:
        good = [row.event for row in CreditRisk(20, None).rows()]
        bad = {code: event(id=code, **changes) for code, changes in BAD.items()}
        mixed = [value for pair in zip(good, [*bad.values(), *good], strict=False) for value in pair]
        await write(deployment, *mixed, *good[10:])
        watch = deployment.watch
        assert {name: code for name, code in watch.rejections.items() if name in BAD} == {code: code for code in BAD}
        assert set(watch.predictions) == {row.id for row in CreditRisk(20, None).rows()}
        rejected = {record.data.id: base64.b64decode(record.data.original) for record in stored(deployment, REJECTED)}
        assert rejected == bad


async def test_another_body_under_the_same_id_is_rejected() -> None:
    async with in_process_deployment(demo_declaration()) as deployment:
        await write(deployment, event())
        await write(deployment, event(), event(data=GOOD["data"] | {"income": 2.0}))
        assert deployment.watch.rejections == {"good": "id_conflict"}
        assert list(deployment.watch.predictions) == ["good"]


async def test_unreadable_records_become_dead_letters_with_their_bytes() -> None:
    async with in_process_deployment(demo_declaration()) as deployment:
        await write(deployment, event(), *UNREADABLE, None, *NOT_AN_EVENT, event(id="also-good"))
        assert set(deployment.watch.predictions) == {"good", "also-good"}
        dead_letters = {
            record.data.value and base64.b64decode(record.data.value)
            for record in stored(deployment, STREAM_DEAD_LETTERS)
        }
        assert dead_letters == {*UNREADABLE, None}
        rejected = {base64.b64decode(record.data.original): record.data.code for record in stored(deployment, REJECTED)}
        assert rejected == NOT_AN_EVENT


async def test_ingestion_refuses_bad_events_and_accepts_the_others() -> None:
    async with in_process_deployment(demo_declaration()) as deployment:
        now = datetime(2026, 1, 5, 9, tzinfo=UTC)
        refusals = await deployment.send("event", [event(), *(event(id=c, **b) for c, b in BAD.items())], now)
        await deployment.await_quiet()
        await deployment.watch.read_to_end()
        assert len(refusals) == len(BAD)
        assert (set(deployment.watch.predictions), dict(deployment.watch.rejections)) == ({"good"}, {})
