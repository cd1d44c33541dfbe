"""Control-plane records: no bytes raise, and the newest declaration of a stream counts in whatever order they come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.batch import Unreadable
from penstock.contracts.records.streams import StreamDeclared, Streams
from penstock.contracts.topics import CONTROL_PLANE, MODELS, STREAMS

EXAMPLES = Path(__file__).parents[1] / "examples"
DECLARED = (EXAMPLES / "penstock.stream-declared.v1.json").read_bytes()
MODEL = (EXAMPLES / "penstock.model-epoch.v1.json").read_bytes()


@dataclass
class Record:
    """A record as the log holds it."""

    value: bytes | None
    key: bytes | None = None
    offset: int = 0
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def with_attributes(content: bytes, **attributes: Any) -> bytes:
    return json.dumps({**json.loads(content), **attributes}).encode()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b"9" * 5000,
        with_attributes(DECLARED, data=[]),
        with_attributes(DECLARED, type="penstock.event.v1"),
        with_attributes(DECLARED, id=None),
        with_attributes(DECLARED, time="2026-01-01T00:00:00"),
        with_attributes(DECLARED, time="0001-01-01T00:00:00+23:59"),
        with_attributes(DECLARED, time="9999-12-31T23:59:59-23:59"),
        with_attributes(DECLARED, data={"version": 0}),
        DECLARED.replace(b'"version": 1', b'"version": NaN').replace(b'"version":1', b'"version":NaN'),
    ],
)
def test_a_record_that_cannot_be_read_is_unreadable_with_a_reason_of_one_line(value: bytes | None) -> None:
    (decoded,) = STREAMS.decoder(None)([Record(value)])
    assert isinstance(decoded, Unreadable)
    assert len(decoded.reason.splitlines()) == 1


@given(st.sampled_from(CONTROL_PLANE), st.none() | st.binary())
def test_no_bytes_raise(topic: Any, value: bytes | None) -> None:
    assert isinstance(topic.decoder(None)([Record(value)])[0], Unreadable)


def test_records_around_an_unreadable_one_are_read() -> None:
    decoded = MODELS.decoder(None)([Record(MODEL), Record(b"{}"), Record(MODEL)])
    assert [isinstance(record, Unreadable) for record in decoded] == [False, True, False]


def test_a_time_is_kept_in_utc() -> None:
    (record,) = STREAMS.decoder(None)([Record(with_attributes(DECLARED, time="2026-01-01T02:00:00+02:00"))])
    assert record.time == datetime(2026, 1, 1, tzinfo=UTC)
    assert record.time.tzinfo is UTC


def test_the_highest_version_of_a_stream_counts_in_any_order() -> None:
    first = StreamDeclared.from_json(DECLARED)
    records = [first.model_copy(update={"version": version, "id": str(version)}) for version in (1, 2, 3, 3)]
    records[-1] = records[-1].model_copy(update={"id": "late twin"})
    for order in permutations(records[:3]):
        streams = Streams()
        for record in [*order, records[-1]]:
            streams.apply(record)
        assert streams.names() == [first.name]
        newest = streams.get(first.name)
        assert newest is not None
        assert newest.id == "3"
    assert Streams().get(first.name) is None
