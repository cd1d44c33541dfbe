"""Laws over the whole loop: what is accepted is carried to its end, however extreme; all else is refused."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.bus.ports import MAX_RECORD_BYTES, RecordBatch
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.refusals import STATUS
from penstock.contracts.topics import (
    EVENTS,
    LABELS,
    OUTCOMES,
    RECEIVED,
    REJECTED,
    STATISTICS,
    STREAM_DEAD_LETTERS,
    TRAINING_REQUESTS,
    TRAINING_RUNS,
    Topic,
)

from .log_records import records_of

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
SOURCE = "s" * 512
ROWS = 240
DECLARATIONS = {
    task: Declaration.model_validate(
        {
            "name": "extremes",
            "task": task,
            "entity": "who",
            "partitions": 2,
            "fields": {
                "size": {"type": "number"},
                "count": {"type": "integer"},
                "open": {"type": "boolean"},
                "who": {"type": "category"},
                "kind": {"type": "category"},
                "note": {"type": "category", "feature": False},
            },
            "label": {"name": "y"} | label,
            "slices": ["kind", "note", "open"],
            "time": {"parts": ["hour", "weekday", "yearday", "month"]},
            "lags": {"label": [1, 3], "mean": 5, "inputs": {"size": [2]}},
            "models": {"families": ["linear", "boosting", "forest", "additive"]},
            "drift": {
                "detectors": ["adwin", "page-hinkley"],
                "tests": ["psi", "js", "ks", "chi-square", "wasserstein"],
                "rows": ["domain", "reconstruction"],
                "window": 100,
            },
            "retrain": {"first_after": 130, "cooldown": 100, "growth": 1e200},
            "gates": {"holdout": 20},
            "rollout": {"mode": "shadow"},
        }
    )
    for task, label in {
        "regression": {"prior": 1e100},
        "binary": {"classes": ["no", "yes"]},
        "multiclass": {"classes": ["no", "yes"], "new_classes": "accept"},
    }.items()
}

# --- what may be sent

edges = [0.0, -0.0, 1e100, -1e100, 1e39, -3.5e38, 1e-300, 5e-324, -1e-45, 1.5]
numbers = st.sampled_from(edges) | st.floats(-1e100, 1e100)
whole = st.sampled_from([0, 2**53, -(2**53)]) | st.integers(-(2**53), 2**53)
odd_texts = ["", "\u200b", "\x00", "\x1f" * 40, "\U0010ffff" * 9, "'; drop", "true", "1", "k" * 3000]
texts = st.sampled_from(odd_texts) | st.text(st.characters(codec="utf-8"), max_size=6)
entities = st.sampled_from(["a", "b", "\u200b", "e" * 512, "\x01" * 512])
times = st.sampled_from(
    [
        "1900-01-01T01:00:00+01:00",
        "1899-12-31T00:01:00-23:59",
        "1970-01-01T00:00:00Z",
        "2026-01-05T08:59:59.999999Z",
        "2026-01-06T08:00:00+23:59",
    ]
) | st.datetimes(datetime(1900, 1, 2), NOW.replace(tzinfo=None)).map(lambda time: f"{time.isoformat()}Z")
classes = st.sampled_from(["no", "yes", "yes", "c" * 2048, "\u200b", "\x02" * 2048]) | st.text(
    st.characters(codec="utf-8"), min_size=1, max_size=3
)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The values, or that there is none."""
    return st.none() | values


payloads = st.fixed_dictionaries(
    {"who": entities},
    optional={
        "size": optional(numbers),
        "count": optional(whole),
        "open": optional(st.booleans()),
        "kind": optional(texts),
        "note": optional(texts),
    },
)
rows = st.lists(st.tuples(payloads, times, classes, numbers), min_size=1, max_size=12)


def event(row_id: str, data: dict[str, Any], time: str, **attributes: Any) -> dict[str, Any]:
    """An event as a CloudEvent."""
    envelope = {"specversion": "1.0", "type": "penstock.event.v1", "source": SOURCE, "id": row_id, "time": time}
    return {**envelope, "data": data, **attributes}


def label(event_id: str, entity: str, value: Any, time: str, revision: int = 0) -> dict[str, Any]:
    """A label as a CloudEvent."""
    data = {"event_id": event_id, "event_source": SOURCE, "entity": entity, "value": value, "revision": revision}
    envelope = {"specversion": "1.0", "type": "penstock.label.v1", "source": SOURCE, "id": f"l{event_id}-{revision}"}
    return {**envelope, "time": time, "data": data}


def encode(record: dict[str, Any]) -> bytes:
    """The record as JSON, in as few bytes as there are."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()


# --- what comes of it


@dataclass
class Loop:
    """A deployment and what was sent to it."""

    deployment: InProcessDeployment

    async def send(self, *records: bytes) -> None:
        """Write to `received` as a Kafka producer does, and wait until the loop is quiet."""
        await self.deployment.send("event", [], NOW)
        topic = RECEIVED.name("penstock", self.deployment.watch.stream.name)
        self.deployment.log.append([RecordBatch.single(topic, 0, None, record) for record in records])
        await self.deployment.await_quiet()
        await self.deployment.watch.read_to_end()

    def records(self, topic: Topic[Any]) -> list[Any]:
        """All records of a topic."""
        return records_of(self.deployment.log, topic, self.deployment.watch.stream)

    def check(self) -> dict[str, str]:
        """The laws that hold of whatever was sent; the code of each rejection by the id of its record."""
        rejections = {record.data.id: record.data.code for record in self.records(REJECTED)}
        assert set(rejections.values()) <= set(STATUS)
        assert not self.records(STREAM_DEAD_LETTERS)
        for block in self.records(STATISTICS):
            assert all_finite(block.model_dump(mode="json"))
        requests = {record.id for record in self.records(TRAINING_REQUESTS)}
        ended = [run for run in self.records(TRAINING_RUNS) if run.status != "started"]
        assert {run.request for run in ended} == requests
        assert all(all_finite(run.model_dump(mode="json")) for run in ended)
        return rejections

    def outcomes(self) -> dict[tuple[str, int], Any]:
        """What became of events, by id and revision."""
        return {(record.id, record.data.revision): record.data for record in self.records(OUTCOMES)}


def all_finite(document: Any) -> bool:
    """Whether no number in the document is infinite or NaN."""
    match document:
        case float():
            return math.isfinite(document)
        case dict():
            return all(map(all_finite, document.values()))
        case list():
            return all(map(all_finite, document))
    return True


def run(task: str, batches: Sequence[Sequence[dict[str, Any]]]) -> tuple[dict[str, str], Loop]:
    """Send the batches one after the other to a new deployment."""

    async def send_all() -> tuple[dict[str, str], Loop]:
        async with in_process_deployment(DECLARATIONS[task]) as deployment:
            loop = Loop(deployment)
            for batch in batches:
                await loop.send(*map(encode, batch))
            return loop.check(), loop

    return asyncio.run(send_all())


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(DECLARATIONS)), rows)
def test_whatever_is_accepted_is_predicted_and_joined(task: str, sent: list[Any]) -> None:
    events = [event(f"e{number}", data, time) for number, (data, time, _, _) in enumerate(sent)]
    labels = [
        label(f"e{number}", data["who"], value if task == "regression" else name, time)
        for number, (data, time, name, value) in enumerate(sent)
    ]
    rejections, loop = run(task, [events, labels])
    accepted = {record["id"] for record in events} - set(rejections)
    assert accepted == {record["id"] for record in events}
    assert set(loop.deployment.watch.predictions) == accepted
    labelled = {record["data"]["event_id"] for record in labels if record["id"] not in rejections}
    joined = {name for (name, _), data in loop.outcomes().items() if data.label is not None}
    ended = {name for (name, _), data in loop.outcomes().items() if data.label is None}
    assert joined | ended >= labelled
    assert joined <= labelled
    assert set(rejections.values()) <= {"unknown_class"}


def random_rows(task: str, seed: int, count: int) -> list[tuple[dict[str, Any], Any]]:
    """Payloads and labels of many rows, most of them ordinary and the others extreme."""
    random = Random(seed)
    scale = random.choice([1.0, 1e39, 1e100, 1e-200])

    def number() -> float:
        return random.choice(edges) if random.random() < 0.2 else random.uniform(-1, 1) * scale

    def some(value: Any) -> Any:
        return None if random.random() < 0.1 else value

    def row() -> tuple[dict[str, Any], Any]:
        data = {
            "who": random.choice(["a", "b", "\u200b", "\x01" * 512]),
            "size": some(number()),
            "count": some(random.choice([0, 1, 2, 2**53, -(2**53)])),
            "open": some(random.random() < 0.5),
            "kind": some(random.choice(odd_texts)),
            "note": some(chr(random.randrange(0x10000, 0x11000)) * random.randrange(300)),
        }
        name = random.choice(["no", "yes", "yes"] + ["c" * 2048, "\x02" * 2048] * (task == "multiclass"))
        return data, number() if task == "regression" else name

    return [row() for _ in range(count)]


@settings(max_examples=2)
@given(st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("task", sorted(DECLARATIONS))
def test_trainings_on_whatever_was_accepted_end(task: str, seed: int) -> None:
    batches: list[list[dict[str, Any]]] = []
    for number, (data, value) in enumerate(random_rows(task, seed, ROWS)):
        time = (NOW - timedelta(minutes=ROWS - number)).isoformat()
        if number % 40 == 0:
            batches += [[], []]
        batches[-2].append(event(f"e{number}", data, time))
        batches[-1].append(label(f"e{number}", data["who"], value, time))
    rejections, loop = run(task, batches)
    assert rejections == {}
    assert len(loop.deployment.watch.predictions) == ROWS == len(loop.outcomes())
    assert {run.status for run in loop.records(TRAINING_RUNS)} == {"started", "finished"}
    assert loop.records(STATISTICS)


# --- single findings


REFUSED = {
    "year 1": (event("bad", {"who": "a"}, "0001-01-01T00:00:00+01:00"), "out_of_range"),
    "before 1900": (event("bad", {"who": "a"}, "1899-12-31T23:59:59.999999Z"), "out_of_range"),
    "year 9999": (event("bad", {"who": "a"}, "9999-12-31T23:59:59-23:59"), "clock_skew"),
    "labeltime of year 1": (
        event("bad", {"who": "a"}, "2026-01-05T00:00:00Z", label=1.0, labeltime="0001-01-01T00:00:00+01:00"),
        "out_of_range",
    ),
    "a field of 1e101": (event("bad", {"who": "a", "size": 1e101}, "2026-01-05T00:00:00Z"), "out_of_range"),
    "an integer of 64 bits": (event("bad", {"who": "a", "count": 2**63}, "2026-01-05T00:00:00Z"), "wrong_type"),
    "history of 1e200": (event("bad", {"who": "a"}, "2026-01-05T00:00:00Z", label=-1e200), "out_of_range"),
    "a label of 1e200": (label("e", "a", 1e200, "2026-01-05T00:00:00Z") | {"id": "bad"}, "out_of_range"),
    "a label of year 1": (label("e", "a", 1.0, "0001-01-01T00:00:00+01:00") | {"id": "bad"}, "out_of_range"),
    "a label of 0.95 MB": (label("e", "a", "x" * 950_000, "2026-01-05T00:00:00Z") | {"id": "bad"}, "out_of_range"),
}


@pytest.mark.parametrize(("record", "code"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_carried_is_refused_by_ingestion_and_from_kafka_alike(
    record: dict[str, Any], code: str
) -> None:
    good = event("good", {"who": "a"}, "2026-01-05T00:00:00Z")
    async with in_process_deployment(DECLARATIONS["regression"]) as deployment:
        loop = Loop(deployment)
        kind: Any = "label" if "label" in record["type"] else "event"
        refusals = await deployment.send(kind, [encode(record)], NOW)
        assert [refusal.reason.code for refusal in refusals] == [code]
        await loop.send(encode(record), encode(good))
        assert loop.check() == {"bad": code}
        assert set(deployment.watch.predictions) == {"good"}


@pytest.mark.parametrize("task", sorted(DECLARATIONS))
async def test_the_largest_event_its_prediction_and_its_label_fit_one_outcome(task: str) -> None:
    value: Any = {"regression": -1e100, "binary": "yes", "multiclass": "\x02" * 2048}[task]
    large = event("large", {"who": "\x01" * 512, "note": ""}, "2026-01-05T00:00:00Z")
    key = len(large["data"]["who"])
    large["data"]["note"] = "n" * (MAX_RECORD_BYTES - key - len(encode(large)))
    over = {**large, "id": "largex"}
    async with in_process_deployment(DECLARATIONS[task]) as deployment:
        loop = Loop(deployment)
        await loop.send(
            encode(large), encode(over), encode(label("large", large["data"]["who"], value, NOW.isoformat()))
        )
        assert loop.check() == {"largex": "too_large"}
        assert loop.outcomes()["large", 0].label == value


async def test_what_an_earlier_release_let_in_is_carried_too() -> None:
    async with in_process_deployment(DECLARATIONS["regression"]) as deployment:
        loop, rows = Loop(deployment), range(100)
        who = {"who": "a", "size": 1e200}
        events = [encode(event(f"e{row}", who, f"{row + 1:04}-01-01T00:00:00+01:00")) for row in rows]
        labels = [encode(label(f"e{row}", "a", 1e200 * row, f"{row + 1:04}-01-01T00:00:00+01:00")) for row in rows]
        for topic, records in ((EVENTS, events), (LABELS, labels)):
            name, keys = topic.name("penstock", "extremes"), [b"a"] * len(records)
            deployment.log.append([RecordBatch(name, 0, keys, records)])
            await deployment.await_quiet()
        loop.check()
        assert len(loop.outcomes()) == 100
        assert {block.clock for block in loop.records(STATISTICS)} == {"provisional", "matured"}


async def test_history_is_evidence_until_live_rows_suffice() -> None:
    async with in_process_deployment(DECLARATIONS["regression"]) as deployment:
        loop = Loop(deployment)
        live = event("live", {"who": "a", "size": 1.0}, NOW.isoformat())
        await loop.send(encode(live))
        await loop.send(encode(label("live", "a", 2.0, NOW.isoformat())))
        history = [
            event(f"h{number}", {"who": "a", "size": number % 7}, (NOW - timedelta(days=1 + number)).isoformat())
            | {"label": float(number % 7)}
            for number in range(150)
        ]
        await loop.send(*map(encode, history))
        await deployment.report_import(151, "history.csv")
        await deployment.await_quiet()
        await deployment.watch.read_to_end()
        loop.check()
        (finished,) = [run for run in loop.records(TRAINING_RUNS) if run.status != "started"]
        assert (finished.status, finished.evaluation.champion_version) == ("finished", 0)
        assert finished.evaluation.gain.rows > 30, "one live row does not displace the history before it"
        assert deployment.watch.newest_epoch == 1
