"""What becomes of a message of a source: an event, a label, nothing, or a rejection with its bytes."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.bus.ports import FetchedBatch
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.declaration.stream_file import DeclarationError
from penstock.contracts.refusals import Refusal
from penstock.ingestion.sources.message_decoder import DecodedBatch, MessageDecoder

from .source_site import LOANS, NOW, TABLE, change, declared, row

PLAIN = '[source.app]\nkafka = "app"\n'
LABELS = '[source.bank]\nkafka = "bank"\nrecords = "labels"\nid = "/loan/id"\nevent_source = "table"\n'
BOTH = '[source.app]\nkafka = "app"\nrecords = "both"\nid = "id"\n'


@dataclass(frozen=True)
class Message:
    """A message as a log gives it."""

    value: bytes | None
    offset: int = 7
    timestamp: int = NOW
    key: bytes | None = b"k"
    headers: tuple[tuple[str, bytes], ...] = ()


async def decode(source: str, *values: bytes | None, offset: int = 7) -> DecodedBatch:
    stream = declared(source)
    (name,) = stream.declaration.source
    messages = [Message(value, offset + index) for index, value in enumerate(values)]
    batch = FetchedBatch(stream.declaration.source[name].kafka, 0, messages, offset + len(values))
    return await MessageDecoder(stream, name).decode(batch)


async def records(source: str, *values: bytes | None) -> list[dict[str, Any]]:
    decoded = await decode(source, *values)
    assert decoded.rejections == []
    return [json.loads(record.value) for record in decoded.records]


async def codes(source: str, value: bytes) -> list[tuple[str, str | None]]:
    decoded = await decode(source, value)
    assert decoded.records == []
    return [(rejection.data.code, rejection.data.field) for _, rejection in decoded.rejections]


def body(**members: Any) -> bytes:
    return json.dumps(members).encode()


async def test_a_row_that_is_inserted_or_read_by_a_snapshot_is_an_event() -> None:
    for op in ("c", "r"):
        (event,) = await records(TABLE, change(op, row(4)))
        assert event == {
            "specversion": "1.0",
            "type": "penstock.event.v1",
            "source": "table",
            "id": "4",
            "time": "2025-12-31T23:59:59Z",  # when the database made the change
            "data": {"customer": "1", "amount": 12.5, "returning": True},
        }


async def test_the_envelope_may_come_with_its_schema() -> None:
    wrapped = json.dumps({"schema": {"type": "struct"}, "payload": json.loads(change("c", row(4)))}).encode()
    assert await records(TABLE, wrapped) == await records(TABLE, change("c", row(4)))


async def test_a_label_that_is_filled_in_or_corrected_is_a_label_of_rising_revision() -> None:
    unknown, no, yes = row(4), row(4, defaulted="no"), row(4, defaulted="yes")
    labels = await records(TABLE, change("u", no, unknown), change("u", yes, no))
    assert [label["type"] for label in labels] == ["penstock.label.v1"] * 2
    data = {"event_id": "4", "event_source": "table", "entity": "1"}
    assert [label["data"] for label in labels] == [
        data | {"value": "no", "revision": 7},
        data | {"value": "yes", "revision": 8},
    ]


async def test_a_row_that_comes_with_its_label_is_both() -> None:
    event, label = await records(TABLE, change("c", row(4, defaulted="no")))
    assert (event["id"], label["data"]["event_id"], label["data"]["value"]) == ("4", "4", "no")
    assert "defaulted" not in event["data"]


async def test_an_update_that_leaves_the_label_says_nothing() -> None:
    no = row(4, defaulted="no")
    assert await records(TABLE, change("u", no | {"returning": 0}, no), change("u", row(4), row(4))) == []


async def test_without_the_row_before_a_label_is_told_again() -> None:
    (label,) = await records(TABLE, change("u", row(4, defaulted="no")))
    assert label["data"]["value"] == "no"


async def test_a_tombstone_is_passed_over() -> None:
    assert await records(TABLE, None) == []


async def test_a_deletion_is_passed_over_only_where_that_is_declared() -> None:
    deletion = change("d", None, row(4))
    assert await records(TABLE + 'deletes = "ignore"\n', deletion) == []
    assert await codes(TABLE, deletion) == [("unmapped_change", None)]


@pytest.mark.parametrize(
    ("value", "code", "field"),
    [
        (b"\x00\x00\x00\x00\x07{}", "malformed", None),
        (b"[]", "wrong_type", None),
        (b'{"op": "c", "op": "c"}', "duplicate_key", None),
        (b"{}", "missing_field", "op"),
        (change("t"), "unmapped_change", "op"),
        (change("c"), "wrong_type", None),
        (change("c", {"customer": 1}), "missing_field", "id"),
        (change("c", row(4, loan_id=[1])), "bad_id", "id"),
        (change("c", {"loan_id": 4}), "missing_field", None),
        (change("u", {"loan_id": 4}), "missing_field", "label"),
        (change("u", row(4), row(4, defaulted="no")), "unmapped_change", "label"),
        (change("u", row(4, defaulted={})), "wrong_type", "label"),
        (change("u", row(4, defaulted="no", customer=None)), "missing_entity", "entity"),
        (change("c", row(4, returning="x" * 1_000_000)), "too_large", None),
    ],
)
async def test_what_cannot_be_mapped_is_rejected_with_a_code(value: bytes, code: str, field: str | None) -> None:
    assert await codes(TABLE, value) == [(code, field)]


async def test_a_rejection_keeps_the_bytes_and_names_the_event_or_the_message() -> None:
    (named, unnamed) = (await decode(TABLE, change("u", {"loan_id": 4}), b"nonsense")).rejections
    assert named[0] == b"k"
    assert (named[1].source, named[1].data.id) == ("table#rejected", "4")
    assert unnamed[1].data.id == "shop.public.loans:0:8"
    assert base64.b64decode(unnamed[1].data.original) == b"nonsense"


async def test_a_row_without_its_label_before_it_is_known_is_only_refused_where_every_row_has_the_column() -> None:
    (event,) = await records(BOTH, body(id="a", amount=1))
    assert event["type"] == "penstock.event.v1"


async def test_plain_messages_are_named_by_their_place_and_take_the_time_they_were_written_at() -> None:
    (event,) = await records(PLAIN, body(customer="c", amount=1))
    assert (event["id"], event["time"], event["data"]) == (
        "app:0:7",
        "2026-01-01T00:00:00Z",
        {"customer": "c", "amount": 1},
    )


@pytest.mark.parametrize(
    ("keys", "value", "time"),
    [
        ("", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
        ("", "2026-03-01 10:00", "2026-03-01T10:00:00Z"),
        ("", 1_767_225_600_000, "2026-01-01T00:00:00Z"),
        ('number_times = "epoch-seconds"', 1_767_225_600.5, "2026-01-01T00:00:00.500000Z"),
        ('number_times = "epoch-microseconds"', 1_767_225_600_000_001, "2026-01-01T00:00:00.000001Z"),
    ],
)
async def test_times_are_texts_or_numbers(keys: str, value: Any, time: str) -> None:
    (event,) = await records(f'{PLAIN}time = "at"\n{keys}\n', body(at=value, amount=1))
    assert event["time"] == time


@pytest.mark.parametrize("value", ["soon", True, 1e300, -(10**30), [1]])
async def test_what_is_no_time_is_rejected(value: Any) -> None:
    assert await codes(PLAIN + 'time = "at"\n', body(at=value, amount=1)) == [("bad_time", "time")]


async def test_a_time_that_is_not_there_is_rejected() -> None:
    assert await codes(PLAIN + 'time = "at"\n', body(at=None, amount=1)) == [("missing_field", "time")]


async def test_labels_of_another_topic_name_the_source_of_their_events() -> None:
    (label,) = await records(LABELS, body(loan={"id": 4}, customer=1, defaulted=True))
    assert label["data"] == {"event_id": "4", "event_source": "table", "entity": "1", "value": True, "revision": 7}
    assert await records(LABELS, body(loan={"id": 4}, customer=1, defaulted=None)) == []
    assert await codes(LABELS, body(loan={"id": 4}, customer=1)) == [("missing_field", "label")]


async def test_an_event_and_its_label_lie_in_one_partition() -> None:
    decoded = await decode(TABLE, change("c", row(4, defaulted="no")))
    assert [record.key for record in decoded.records] == [b"1", b"1"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
columns = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("loan_id", "customer", "total", "returning", "defaulted"), json_values)
)
envelopes = st.fixed_dictionaries(
    {"op": st.sampled_from(["c", "r", "u", "d", "t", "m", None, 1])},
    optional={
        "before": columns | json_values,
        "after": columns | json_values,
        "source": json_values,
        "ts_ms": json_values,
    },
)


@given(st.binary(max_size=40) | envelopes.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_message_holds_it_is_mapped_or_rejected_and_the_same_again(value: bytes) -> None:
    first, again = asyncio.run(decode(TABLE, value)), asyncio.run(decode(TABLE, value))
    assert first == again
    assert not (first.records and first.rejections)
    for record in first.records:  # what the validator may still refuse is CloudEvents all the same
        decoded = ReceivedDecoder(declared(TABLE)).decode(record.value)
        assert not isinstance(decoded, Refusal) or decoded.code != "malformed"


async def test_what_an_external_model_says_comes_with_the_event() -> None:
    paths = 'prediction = "said.class"\nprobabilities = "said.p"\nmodelversion = "said.by"\n'
    message = body(amount=1.0, said={"class": "yes", "p": {"yes": 0.75, "no": 0.25}, "by": 7})
    external = '[serving]\nmodel = "external"\n' + PLAIN + paths
    (event,) = await records(external, message)
    assert (event["prediction"], event["probabilities"], event["modelversion"]) == (
        "yes",
        {"yes": 0.75, "no": 0.25},
        "7",
    )
    (without,) = await records(external, body(amount=1.0, said={"class": None}))
    assert without.keys().isdisjoint({"prediction", "probabilities", "modelversion"})
    (own,) = await records(PLAIN + paths, message)
    assert own.keys().isdisjoint({"prediction", "probabilities", "modelversion"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[source.a]\nkafka = "no spaces"', "source.a.kafka"),
        ('[source.a]\nkafka = "t"\nservers = "nowhere"', "source.a.servers: expected host:port"),
        ('[source.a]\nkafka = "t"\nschema_registry = "http://me:secret@registry"', "holds no secrets"),
        ('[source.a]\nkafka = "t"\nschema_registry = "registry:8081"', "expected a URL"),
        ('[source.a]\nkafka = "t"\nrecords = "labels"', "source.a.id"),
        ('[source.a]\nkafka = "t"\nid = "a..b"', "empty part"),
        ('[source.a]\nkafka = "t"\nfields.other = "x"', "source.a.fields.other: 'other' is not among the fields"),
        ('[source.http]\nkafka = "t"', "source.http"),
        ('[serving]\nmodel = "external"\n[source.a]\nkafka = "t"', "source.a.prediction"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_at_its_key(text: str, expected: str) -> None:
    with pytest.raises(DeclarationError, match=r"stream.toml:\d+: ") as refused:
        declared(text, text=LOANS)
    assert expected in str(refused.value)
