"""`received`: whatever a producer sends is accepted, refused with a code, or unreadable; it never raises."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import to_binary_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.batch import Unreadable
from penstock.contracts.checks.event_check import check_events
from penstock.contracts.checks.label_check import check_label
from penstock.contracts.codecs.duplicate_keys import has_duplicate_key
from penstock.contracts.codecs.received_decoder import Received, ReceivedDecoder
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import STATUS, Refusal

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIELDS = {
    "customer": {"type": "category"},
    "amount": {"type": "number", "min": 0, "max": 100, "outside": "refuse"},
    "count": {"type": "integer"},
    "open": {"type": "boolean"},
    "colour": {"type": "category", "categories": ["red", "blue"], "outside": "refuse"},
    "id": {"type": "number"},
    "time": {"type": "number"},
    "a`b": {"type": "number"},
    "must": {"type": "number", "missing": "refuse"},
}
DECLARATION = Declaration.model_validate(
    {
        "name": "loans",
        "task": "binary",
        "entity": "customer",
        "label": {"name": "defaulted", "classes": ["0", "1"]},
        "fields": FIELDS,
    }
)
DECODER = ReceivedDecoder(StreamDeclared(source="t", id="1", time=NOW, version=1, declaration=DECLARATION))
MARKER = "zqx-canary"


@dataclass
class Record:
    """A record as the log holds it."""

    value: bytes | None
    headers: tuple[tuple[str, Any], ...] = ()
    key: bytes | None = None
    offset: int = 0
    timestamp: int = int(NOW.timestamp() * 1000)


def event(**attributes: Any) -> dict[str, Any]:
    plain = {"specversion": "1.0", "type": "penstock.event.v1", "source": "shop", "id": "e1", "time": NOW.isoformat()}
    return {**plain, "data": {"customer": "c1", "must": 1}, **attributes}


def label(**data: Any) -> dict[str, Any]:
    named = {"event_id": "e1", "event_source": "shop", "entity": "c1", "value": "1"}
    return event(type="penstock.label.v1", id="l1", data={**named, **data})


def with_data(**fields: Any) -> bytes:
    return json.dumps(event(data={"customer": "c1", "must": 1, **fields})).encode()


def with_raw(field: str, text: str) -> bytes:
    return with_data(**{field: "@"}).replace(b'"@"', text.encode())


def decode_and_check(record: Record) -> Received | Unreadable:
    """The result of the decoder and then of the checks for one record."""
    (decoded,) = DECODER([record])
    if isinstance(decoded, Event):
        return check_events(DECLARATION, [decoded], NOW).get(0, decoded)
    if isinstance(decoded, Label):
        return check_label(DECLARATION, decoded, NOW) or decoded
    return decoded


BAD: list[tuple[str, bytes, str, str | None]] = [
    ("H1 NaN", with_raw("amount", "NaN"), "not_finite", None),
    ("H2 Infinity", with_raw("amount", "Infinity"), "not_finite", None),
    ("H2 -Infinity", with_raw("amount", "-Infinity"), "not_finite", None),
    ("H3 1e400", with_raw("amount", "1e400"), "not_finite", "amount"),
    ("a number whose square overflows", with_raw("must", "1e200"), "out_of_range", "must"),
    ("H4 lone surrogate", with_raw("customer", '"\\ud800"'), "bad_text", None),
    ("H7 nested deep", b'{"data":' + b"[" * 100_000, "malformed", None),
    ("H7 nested deep in a field", with_raw("amount", "[" * 100_000 + "]" * 100_000), "wrong_type", "amount"),
    ("H8 5,000 digits", with_raw("count", "9" * 5000), "not_finite", "count"),
    ("H8 16 digits", with_data(count=2**53 + 2), "wrong_type", "count"),
    ("H9 bool as number", with_data(amount=True), "wrong_type", "amount"),
    ("H9 bool as int", with_data(count=False), "wrong_type", "count"),
    ("H9 int as bool", with_data(open=1), "wrong_type", "open"),
    ("H10 text as number", with_data(amount="1.5"), "wrong_type", "amount"),
    ("H10 text as int", with_data(count="1"), "wrong_type", "count"),
    ("H11 fraction as int", with_data(count=1.5), "wrong_type", "count"),
    ("H12 extra field", with_data(**{MARKER: 1}), "extra_field", MARKER),
    ("H12 extra field of a long name", with_data(**{MARKER * 1000: 1}), "extra_field", (MARKER * 1000)[:200]),
    ("H14 invalid UTF-8", with_data(customer="@").replace(b"@", b"\xff"), "malformed", None),
    ("H15 UTF-16", json.dumps(event()).encode("utf-16"), "malformed", None),
    ("H16 BOM", b"\xef\xbb\xbf" + json.dumps(event()).encode(), "malformed", None),
    ("H17 empty", b"", "malformed", None),
    ("H17 blank", b" \n", "malformed", None),
    ("H18 null", b"null", "wrong_type", None),
    ("H20 trailing comma", with_raw("amount", "1,"), "malformed", None),
    ("H21 two documents", json.dumps(event()).encode() * 2, "malformed", None),
    ("H22 empty id", json.dumps(event(id="")).encode(), "bad_id", "id"),
    ("H22 long id", json.dumps(event(id="x" * 513)).encode(), "bad_id", "id"),
    ("H24 id like a path", json.dumps(event(id="../../etc/passwd")).encode(), "bad_id", "id"),
    ("H24 id with a line break", json.dumps(event(id="a\nb")).encode(), "bad_id", "id"),
    ("H31 no zone", json.dumps(event(time="2026-01-01T00:00:00")).encode(), "bad_time", "time"),
    ("H31 zone +25:00", json.dumps(event(time="2026-01-01T00:00:00+25:00")).encode(), "bad_time", "time"),
    ("H31 leap second", json.dumps(event(time="2016-12-31T23:59:60Z")).encode(), "bad_time", "time"),
    ("H31 number as time", json.dumps(event(time=1767225600)).encode(), "bad_time", "time"),
    ("H31 year 9999", json.dumps(event(time="9999-12-31T23:59:59-23:59")).encode(), "clock_skew", "time"),
    ("H31 year 1", json.dumps(event(time="0001-01-01T00:00:00+01:00")).encode(), "out_of_range", "time"),
    ("H31 before 1900", json.dumps(event(time="1900-01-01T00:00:00+01:00")).encode(), "out_of_range", "time"),
    ("H32 more than an hour ahead", json.dumps(event(time="2026-01-01T13:00:01Z")).encode(), "clock_skew", "time"),
    ("H34 unknown version", json.dumps(event(type="penstock.event.v9")).encode(), "unknown_schema_version", "type"),
    ("H34 other specversion", json.dumps(event(specversion="0.3")).encode(), "unknown_schema_version", "specversion"),
    ("H34 type missing", json.dumps({"id": "1"}).encode(), "missing_field", "type"),
    ("H35 10,000 fields", with_data(**{f"x{n}": n for n in range(10_000)}), "extra_field", "x0"),
    ("H40 text NaN", with_data(amount="NaN"), "wrong_type", "amount"),
    ("K3 random bytes", b"\x93\x01\xfe\x00\x80", "malformed", None),
    ("K4 wrong type", b"[1, 2]", "wrong_type", None),
    ("K4 data is a list", json.dumps(event(data=[1])).encode(), "wrong_type", "data"),
    ("K5 truncated", json.dumps(event()).encode()[:-9], "malformed", None),
    ("K6 schema registry's magic byte", b"\x00\x00\x00\x00\x07" + json.dumps(event()).encode(), "malformed", None),
    ("field missing", json.dumps(event(data={"customer": "c1"})).encode(), "missing_field", "must"),
    ("source missing", b'{"type":"penstock.event.v1","id":"1"}', "missing_field", "source"),
    ("null where refused", with_data(must=None), "wrong_type", "must"),
    ("below the range", with_data(amount=-0.5), "out_of_range", "amount"),
    ("above the range", with_data(amount=100.5), "out_of_range", "amount"),
    ("unknown category", with_data(colour=MARKER), "unknown_category", "colour"),
    ("a field named id", with_data(id="x"), "wrong_type", "id"),
    ("a field named time", with_data(time="x"), "wrong_type", "time"),
    ("a field with a backtick", with_data(**{"a`b": "x"}), "wrong_type", "a`b"),
    ("no entity", with_data(customer=None), "missing_entity", "customer"),
    ("empty entity", with_data(customer=""), "missing_entity", "customer"),
    ("an entity that no label could name", with_data(customer="x" * 513), "bad_id", "customer"),
    ("label of no class", json.dumps(label(value=MARKER)).encode(), "unknown_class", "value"),
    ("label of the empty class", json.dumps(label(value="")).encode(), "unknown_class", "value"),
    ("label without entity", json.dumps(label(entity=None)).encode(), "missing_entity", "entity"),
    ("label of year 1", json.dumps(label() | {"time": "0001-01-01T00:00:00+01:00"}).encode(), "out_of_range", "time"),
    ("label beyond the bounds", json.dumps(label(value=1e200)).encode(), "out_of_range", "value"),
    ("label of a long text", json.dumps(label(value="x" * 2049)).encode(), "out_of_range", "value"),
    ("label with a negative revision", json.dumps(label(revision=-1)).encode(), "wrong_type", "revision"),
    ("label of null", json.dumps(label(value=None)).encode(), "wrong_type", "value"),
]


@pytest.mark.parametrize(("value", "code", "field"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_refused_with_code_and_field_and_is_not_repeated(
    value: bytes, code: str, field: str | None
) -> None:
    refusal = DECODER.decode(value)
    if not isinstance(refusal, Refusal):
        refusal = decode_and_check(Record(value))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == (code, field)
    assert refusal.status == STATUS[code] in (400, 422)
    assert MARKER not in refusal.detail


@pytest.mark.parametrize(("value", "code"), [(row[1], row[2]) for row in BAD], ids=[row[0] for row in BAD])
def test_from_kafka_what_is_not_json_is_unreadable_and_all_else_is_refused_alike(value: bytes, code: str) -> None:
    result = decode_and_check(Record(value))
    if code == "malformed":
        assert isinstance(result, Unreadable)
    else:
        assert isinstance(result, Refusal)
        assert result.code == code


def test_a_refusal_identifies_its_record_as_far_as_it_can_be_read() -> None:
    (refused,) = DECODER([Record(with_data(amount="x"))])
    assert isinstance(refused, Refusal)
    assert (refused.kind, refused.source, refused.id, refused.entity) == ("event", "shop", "e1", "c1")
    (refused,) = DECODER([Record(json.dumps(label(revision="x")).encode())])
    assert isinstance(refused, Refusal)
    assert (refused.kind, refused.id, refused.entity) == ("label", "l1", "c1")


GOOD = {
    "H11 1.0 as int": with_data(count=1.0),
    "H31 1969": json.dumps(event(time="1969-07-20T20:17:40Z")).encode(),
    "the earliest time": json.dumps(event(time="1900-01-01T01:00:00+01:00")).encode(),
    "the largest number": with_data(must=-1e100),
    "an hour ahead": json.dumps(event(time="2026-01-01T13:00:00Z")).encode(),
    "every optional field missing": json.dumps(event(data={"customer": "c1", "must": 1})).encode(),
    "an unknown attribute": json.dumps(event(subject="x")).encode(),
    "at the edges of the range": with_data(amount=100),
    "written over several lines": json.dumps(event(), indent=2).encode(),
    "label as number": json.dumps(label(value=1)).encode(),
}


@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD)
def test_good_input_is_accepted(value: bytes) -> None:
    assert isinstance(decode_and_check(Record(value)), Event | Label)


def test_a_null_value_is_unreadable() -> None:
    assert DECODER([Record(None)]) == [Unreadable("the value is null")]


def test_regression_takes_numbers_only() -> None:
    power = Declaration.model_validate(
        {"name": "p", "task": "regression", "label": {"name": "kw"}, "fields": {"x": {"type": "number"}}}
    )
    for value, code in ((1.5, None), (2, None), (True, "wrong_type"), ("1.5", "wrong_type")):
        decoded = DECODER.decode(json.dumps(label(value=value)).encode())
        assert isinstance(decoded, Label)
        refusal = check_label(power, decoded, NOW)
        assert (refusal.code if refusal else None) == code


# --- laws

texts = st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
events = st.fixed_dictionaries(
    {},
    optional={
        "specversion": st.just("1.0") | json_values,
        "type": st.sampled_from(["penstock.event.v1", "penstock.label.v1"]) | json_values,
        "source": texts | json_values,
        "id": texts | json_values,
        "time": st.datetimes().map(lambda instant: f"{instant.isoformat()}Z") | texts | json_values,
        "data": st.dictionaries(st.sampled_from([*FIELDS, "value", "event_id", "x"]), json_values, max_size=4)
        | json_values,
    },
).map(lambda changed: json.dumps({**event(), **changed}).encode())
headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_data", "x"]),
        st.none() | st.binary() | st.just(b"1.0") | st.just(b"penstock.event.v1"),
    )
).map(tuple)
values = st.none() | st.binary() | json_values.map(lambda value: json.dumps(value).encode()) | events


@given(values, headers)
def test_no_bytes_raise_and_every_refusal_has_a_known_code(value: bytes | None, headers: Any) -> None:
    result = decode_and_check(Record(value, headers))
    assert isinstance(result, Event | Label | Refusal | Unreadable)
    if isinstance(result, Refusal):
        assert result.code in STATUS
        assert result.detail


fragments = events | st.sampled_from([b"", b"\n", json.dumps(event()).encode() + b',{"type":"x', b"{}", b"{}\n{}"])
halves = st.tuples(events, st.integers(0, 300)).map(lambda cut: (cut[0][: cut[1]], cut[0][cut[1] :]))


@given(st.lists(fragments.map(lambda fragment: (fragment,)) | halves, max_size=5))
def test_records_are_decoded_alike_alone_and_in_a_batch(groups: list[tuple[bytes, ...]]) -> None:
    records = [Record(value) for group in groups for value in group]
    assert DECODER(records) == [DECODER([record])[0] for record in records]


def test_two_halves_of_a_record_are_not_joined() -> None:
    whole = json.dumps(event()).encode()
    first, second = whole + b"," + whole[:40], whole[40:]
    assert [type(decoded) for decoded in DECODER([Record(first), Record(second)])] == [Unreadable, Unreadable]


# --- CloudEvents in binary mode


def binary(data: bytes, **attributes: str) -> Record:
    defaults = {
        "specversion": "1.0",
        "type": "penstock.event.v1",
        "source": "shop",
        "id": "e1",
        "time": NOW.isoformat(),
    }
    return Record(data, tuple((f"ce_{name}", text.encode()) for name, text in {**defaults, **attributes}.items()))


def test_a_binary_event_is_the_event_it_would_be_in_json() -> None:
    data = {"customer": "c1", "must": 1}
    assert DECODER([binary(json.dumps(data).encode())]) == DECODER([Record(json.dumps(event()).encode())])


def test_what_the_cloudevents_library_writes_in_binary_mode_is_read() -> None:
    attributes = {"type": "penstock.event.v1", "source": "shop", "id": "e1", "time": NOW, "specversion": "1.0"}
    message = to_binary_event(CloudEvent(attributes, {"customer": "c1", "must": 1}))
    (decoded,) = DECODER([Record(message.value, tuple(message.headers.items()))])
    assert isinstance(decoded, Event)
    assert (decoded.id, decoded.time) == ("e1", NOW)


@pytest.mark.parametrize(
    "record",
    [
        binary(b'{"customer": "c1"'),
        binary(b'{"customer": "c1", "must": 1}, "source": "forged"'),
        binary(b"1}"),
        Record(b"{}", (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_id", b"2"))),
        Record(b"{}", (("ce_specversion", b"1.0"), ("ce_id", b"\xff"))),
    ],
    ids=["truncated", "ends its data early", "ends the event early", "K7 header twice", "K7 no UTF-8"],
)
def test_a_malformed_binary_event_is_unreadable(record: Record) -> None:
    assert isinstance(decode_and_check(record), Unreadable)


@pytest.mark.parametrize(("name", "code"), [("ce_id", "bad_id"), ("ce_time", "bad_time"), ("ce_source", "wrong_type")])
def test_a_header_of_null_is_an_empty_attribute(name: str, code: str) -> None:
    record = binary(b'{"customer": "c1", "must": 1}')
    record.headers = tuple((key, None if key == name else value) for key, value in record.headers)
    refusal = decode_and_check(record)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


# --- duplicate keys


@given(json_values)
def test_a_document_with_distinct_keys_has_no_duplicate(document: Any) -> None:
    assert not has_duplicate_key(json.dumps(document).encode(), document)
    assert not has_duplicate_key(json.dumps(document, indent=1, ensure_ascii=False).encode(errors="replace"), document)


@given(st.dictionaries(texts, json_values, min_size=1, max_size=3), st.data())
def test_a_duplicate_key_is_found_however_it_is_written(document: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(document)))
    spelling = '"' + "".join(f"\\u{unit:04x}" for unit in _utf16(key)) + '"'
    body = json.dumps([document])[:-2] + f", {spelling} : 0}}]"
    assert has_duplicate_key(body.encode(), json.loads(body))


def _utf16(text: str) -> list[int]:
    content = text.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(content[start : start + 2], "big") for start in range(0, len(content), 2)]
