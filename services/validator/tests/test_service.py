"""The validator as a member of its group on the memory bus: valid records are forwarded around bad ones."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from penstock.artifacts import open_named_files
from penstock.artifacts.seal import generate_seal_key
from penstock.bus.ports import RecordBatch
from penstock.bus.state.checkpoint_store import CheckpointStore
from penstock.bus.state.checkpointed_stores import CheckpointedStores
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.bus.state.unit_state import StateStores
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.monitoring import Alert
from penstock.contracts.records.rejections import Rejection
from penstock.contracts.records.streams import Pause, StreamDeclared
from penstock.contracts.topics import STREAMS
from penstock.runtime.settings import SettingsError
from penstock.runtime.single_process import SingleProcess, VirtualClock
from penstock.validator.settings import ValidatorSettings
from penstock.validator.wiring import build

NOW = 1_767_225_600_000  # 2026-01-01T00:00Z
ATTRIBUTES = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"penstock.event.v1"),
    ("ce_source", b"s"),
    ("ce_time", b"2026-01-01T00:00:00Z"),
    ("ce_id", b"binary"),
]

STREAM = StreamDeclared(
    source="t",
    id="d",
    time=datetime(2026, 1, 1, tzinfo=UTC),
    version=1,
    declaration=parse_declaration("""
[stream]
name = "meters"
task = "regression"
entity = "meter"
partitions = 2
[label]
name = "load"
[fields]
meter = { type = "category" }
level = { type = "number" }
"""),
)


def event(event_id: str, meter: str = "m1") -> bytes:
    attributes = {"specversion": "1.0", "type": "penstock.event.v1", "source": "s", "id": event_id}
    return msgspec.json.encode({**attributes, "time": "2026-01-01T00:00:00Z", "data": {"meter": meter, "level": 1}})


class Deployment:
    """The validator and the topics around it."""

    def __init__(self) -> None:
        self.process = SingleProcess(VirtualClock(NOW))

    async def start(self, stores: StateStores | None = None) -> None:
        log = self.process.log
        await log.create([*control_topics("penstock"), *stream_topics("penstock", STREAM)])
        await self.declare(STREAM)
        resources = self.process.resources()
        self.resources = replace(resources, state_stores=stores or resources.state_stores)
        await self.process.add(self.resources, build(ValidatorSettings(), self.resources))

    async def declare(self, stream: StreamDeclared) -> None:
        self.process.log.append([RecordBatch.single(STREAMS.name("penstock"), 0, b"meters", stream.to_json())])

    async def handle(self, *records: tuple[bytes | None, list[tuple[str, bytes]]]) -> None:
        topic = "penstock.meters.received"
        self.process.log.append([RecordBatch.single(topic, 0, None, value, headers) for value, headers in records])
        await self.process.run_until_quiet()

    def ids(self, noun: str) -> list[str]:
        return [msgspec.json.decode(value)["id"] for value in self.values(noun)]

    def values(self, noun: str) -> list[bytes]:
        log = self.process.log
        return [
            record.value or b"null"
            for partition in log.partitions_of(f"penstock.meters.{noun}")
            for record in log.records_of(partition)
        ]


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    deployment = Deployment()
    await deployment.start()
    yield deployment
    await deployment.process.close()


UNREADABLE: dict[str, tuple[bytes | None, list[tuple[str, bytes]]]] = {
    "K1 null value": (None, []),
    "K3 random bytes": (bytes(range(256)), []),
    "K5 truncated": (event("cut")[:-5], []),
    "K6 a schema registry's magic byte": (struct.pack(">bI", 0, 77) + b"\x02\x06abc", []),
    "K7 a header twice": (b"{}", [*ATTRIBUTES, ("ce_id", b"again")]),
    "K7 a header that is not UTF-8": (b"{}", [*ATTRIBUTES[:-1], ("ce_id", b"\xff")]),
}

REJECTED: dict[str, tuple[bytes, list[tuple[str, bytes]], str]] = {
    "K4 of the wrong type": (b'"hello"', [], "wrong_type"),
    "K4 an array": (b"[1]", [], "wrong_type"),
    "K7 a header is missing": (b'{"meter": "m"}', ATTRIBUTES[:-1], "missing_field"),
    "K9 larger than the log takes": (event("big")[:-1] + b',"subject":"%s"}' % (b"s" * 1_000_000), [], "too_large"),
    "K10 of the year 2100": (event("late").replace(b"2026", b"2100"), [], "clock_skew"),
}


@pytest.mark.parametrize("case", UNREADABLE)
async def test_unreadable_records_are_dead_lettered_and_valid_ones_forwarded(deployment: Deployment, case: str) -> None:
    await deployment.handle((event("before"), []), UNREADABLE[case], (event("after"), []))

    assert deployment.ids("events") == ["before", "after"]
    assert len(deployment.values("dead-letters")) == 1
    assert deployment.values("rejected") == []


@pytest.mark.parametrize("case", REJECTED)
async def test_invalid_records_are_rejected_and_valid_ones_forwarded(deployment: Deployment, case: str) -> None:
    value, headers, code = REJECTED[case]

    await deployment.handle((event("before"), []), (value, headers), (event("after"), []))

    assert deployment.ids("events") == ["before", "after"]
    assert [msgspec.json.decode(value, type=Rejection).data.code for value in deployment.values("rejected")] == [code]
    assert deployment.values("dead-letters") == []


async def test_a_hundred_unreadable_records_in_a_row_block_nothing(deployment: Deployment) -> None:
    await deployment.handle((event("before"), []), *[(b"{", [])] * 100, (event("after"), []))

    assert deployment.ids("events") == ["before", "after"]
    assert len(deployment.values("dead-letters")) == 100


async def test_events_of_one_entity_stay_in_order_in_one_partition(deployment: Deployment) -> None:
    sent = [(f"{meter}-{number}", meter) for number in range(20) for meter in ("m1", "m2", "m3")]

    await deployment.handle(*[(event(event_id, meter), []) for event_id, meter in sent])

    log = deployment.process.log
    for meter in ("m1", "m2", "m3"):
        key = meter.encode()
        partitions = log.partitions_of("penstock.meters.events")
        by_partition = [
            [record for record in log.records_of(partition) if record.key == key] for partition in partitions
        ]
        (records,) = [records for records in by_partition if records]
        ids = [msgspec.json.decode(record.value or b"")["id"] for record in records]
        assert ids == [f"{meter}-{n}" for n in range(20)]


async def test_duplicates_and_rejections_are_counted(deployment: Deployment) -> None:
    await deployment.handle((event("a"), []), (event("a"), []), (b"5", []))

    exposition = deployment.resources.metrics.exposition()[0].decode()
    assert 'penstock_records_duplicate_total{topic="penstock.meters.received"} 1.0' in exposition
    assert 'penstock_records_rejected_total{topic="penstock.meters.received"} 1.0' in exposition


def test_the_answer_key_is_read_at_the_start(tmp_path: Path) -> None:
    key = tmp_path / "answer.key"
    generate_seal_key(key)
    resources = SingleProcess().resources()

    assert build(ValidatorSettings(answer_key=key), resources).groups
    with pytest.raises(SettingsError, match="PENSTOCK_ANSWER_KEY"):
        build(ValidatorSettings(answer_key=tmp_path / "missing.key"), resources)


async def test_a_duplicate_is_known_on_another_machine_though_its_topic_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.bus.worker.assigned_units.PREPARED_WITHIN", None)
    deployment = Deployment()
    for machine in ("first", "second"):
        files = open_named_files(str(tmp_path / "checkpoints"))
        checkpoints = CheckpointStore(files, "penstock")
        stores = CheckpointedStores(RocksStateStores(tmp_path / machine), checkpoints, lambda _: None)
        await deployment.start(stores)
        await deployment.handle((event("known"), []), (event(f"new-{machine}"), []))
        await deployment.process.close()
        await stores.close()
        deployment.process.log.expire(("penstock.meters.received", 0), 2)
        log, deployment.process = deployment.process.log, SingleProcess(VirtualClock(NOW))
        deployment.process.log = log
    assert deployment.ids("events") == ["known", "new-first", "new-second"]


async def test_a_producer_whose_records_are_refused_is_told_of_once_and_so_is_its_end(deployment: Deployment) -> None:
    for number in range(3):
        await deployment.handle(*[(event(f"good-{number}-{n}"), []) for n in range(70)], *[(b"5", [])] * 30)
    for number in range(3, 5):
        await deployment.handle(*[(event(f"good-{number}-{n}"), []) for n in range(100)])

    log = deployment.process.log
    alerts = [Alert.from_json(record.value or b"") for record in log.records_of(("penstock.alerts", 0))]
    assert [(alert.kind, alert.state, alert.stream) for alert in alerts] == [
        ("rejected", "firing", "meters"),
        ("rejected", "resolved", "meters"),
    ]
    assert alerts[0].key == alerts[1].key
    assert "records were refused, mostly as wrong_type" in alerts[0].message


async def test_few_refusals_are_no_news(deployment: Deployment) -> None:
    for number in range(5):
        await deployment.handle(*[(event(f"good-{number}-{n}"), []) for n in range(90)], *[(b"5", [])] * 10)
    assert deployment.process.log.records_of(("penstock.alerts", 0)) == []


async def test_what_comes_while_the_intake_is_paused_waits_unread_and_is_handled_once_it_is_over(
    deployment: Deployment,
) -> None:
    await deployment.handle((event("before"), []))
    pause = Pause(by="ann", time=STREAM.time, intake=True)
    await deployment.declare(STREAM.model_copy(update={"revision": 1, "pause": pause}))
    await deployment.handle((event("meanwhile"), []), (event("before"), []))
    assert deployment.ids("events") == ["before"]
    await deployment.declare(STREAM.model_copy(update={"revision": 2}))
    await deployment.process.run_until_quiet()
    assert deployment.ids("events") == ["before", "meanwhile"], "in order, each once"
