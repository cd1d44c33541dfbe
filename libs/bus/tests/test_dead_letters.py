"""Unreadable records: none is lost, none stops the worker, and too many of them stop it in time."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.memory.faulty_log import Fault, FaultyLog
from penstock.bus.ports import RecordBatch
from penstock.bus.routes import Group, route
from penstock.bus.state.unit_state import MemoryStateStores
from penstock.bus.topics import control_topics
from penstock.bus.worker.worker import Worker
from penstock.contracts.batch import AnyOutputs, Batch, Outputs
from penstock.contracts.records.dead_letters import DeadLetter
from penstock.contracts.records.streams import Streams
from penstock.contracts.topics import ALERTS, COMMANDS, CONTROL_DEAD_LETTERS
from penstock.telemetry.metrics import Metrics
from penstock.telemetry.setup import start_telemetry

GOOD = (Path(__file__).parents[2] / "contracts/examples/penstock.command.v1.json").read_bytes()
IN, OUT, DEAD = ("test.commands", 0), ("test.alerts", 0), ("test.dead-letters", 0)


def alert(batch: Batch[Any]) -> Iterable[AnyOutputs]:
    count = len(batch.records)
    return [Outputs(ALERTS, None, [b"alert"] * count, [None] * count)]


async def open_worker(*faults: Fault) -> tuple[FaultyLog, Worker]:
    log = FaultyLog(faults)
    await log.create(control_topics("test"))
    group = Group("reader", (COMMANDS,), lambda *_: [route(COMMANDS, alert)])
    telemetry = start_telemetry("test", environ={})
    return log, Worker(group, log, "test", Streams(), MemoryStateStores(), telemetry, Metrics())


def write(log: FaultyLog, values: Sequence[bytes | None]) -> None:
    log.append([RecordBatch.single(*IN, b"key", value) for value in values])


def dead_letters(log: FaultyLog) -> list[DeadLetter]:
    return CONTROL_DEAD_LETTERS.decoder(None)(log.records_of(DEAD))


@pytest.mark.parametrize(
    ("key", "headers"),
    [(b"k", ()), (b"k" * 500_000, ()), (b"k", [("\x01" * 100_000, b"")]), (b"k", [("", b"")] * 200_000)],
    ids=["value", "key", "header name", "headers"],
)
async def test_the_largest_record_fits_into_a_dead_letter(key: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
    log, worker = await open_worker()
    value = b"\xff" * (1_048_000 - len(key))
    log.append([RecordBatch.single(*IN, key, value, headers)])
    await worker.step(0)
    (letter,) = dead_letters(log)
    assert base64.b64decode(letter.data.value or "") == value
    assert base64.b64decode(letter.data.key or "") == key
    assert letter.data.headers == []
    assert ("left out" in letter.data.reason) == bool(headers)
    await worker.close()


async def test_a_record_that_is_larger_than_a_dead_letter_may_be_is_kept_as_far_as_it_goes() -> None:
    log, worker = await open_worker()
    value = b"\xff" * 5_000_000  # a compressed batch may hold it
    write(log, [value, GOOD])
    assert await worker.step(0) == 2
    (letter,) = dead_letters(log)
    kept = base64.b64decode(letter.data.value or "")
    assert value.startswith(kept)
    assert len(kept) == 525_000
    assert "5000000 bytes" in letter.data.reason
    assert len(log.records_of(OUT)) == 1
    await worker.close()


async def test_dead_letters_that_are_not_confirmed_are_written_again_the_same() -> None:
    log, worker = await open_worker("doubtful")
    write(log, [b"garbage"])
    with pytest.raises(BrokerUnavailable):
        await worker.step(0)
    await worker.abandon()
    await worker.step(0)
    first, second = dead_letters(log)
    assert first == second
    await worker.close()
    assert (await log.committed("reader"))[IN] == 1


async def test_a_hundred_unreadable_records_in_a_row_do_not_stop_it() -> None:
    log, worker = await open_worker()
    write(log, [GOOD] * 50 + [b"garbage"] * 100 + [GOOD] * 50)
    assert await worker.step(0) == 200
    assert len(dead_letters(log)) == len(log.records_of(OUT)) == 100
    assert [letter.data.offset for letter in dead_letters(log)] == list(range(50, 150))
    await worker.close()


async def test_tombstones_however_many_become_dead_letters_and_do_not_stop_it() -> None:
    log, worker = await open_worker()
    write(log, [None] * 1200 + [GOOD])
    assert await worker.step(0) == 1201
    assert len(dead_letters(log)) == 1200
    assert {(letter.data.value, letter.data.reason) for letter in dead_letters(log)} == {(None, "the value is null")}
    assert len(log.records_of(OUT)) == 1
    assert worker.failures() == {}
    await worker.close()
