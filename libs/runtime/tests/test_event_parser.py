"""The event parser accepts only what the slower decoders accept, with the same result."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from penstock.contracts.codecs.duplicate_keys import has_duplicate_key
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.runtime.http.event_parser import EventParser

DECLARED = """
[stream]
name = "power"
task = "regression"
[label]
name = "y"
[fields]
load = { type = "number" }
zone = { type = "category" }
count = { type = "integer" }
on = { type = "boolean" }
"""
REFUSES_EXTRA, KEEPS_EXTRA = (
    EventParser(parse_declaration(DECLARED.replace("task", f'extra = "{e}"\ntask'))) for e in ("refuse", "keep")
)
CLOUD_EVENT = {
    "specversion": "1.0",
    "type": "penstock.event.v1",
    "source": "s",
    "id": "a",
    "time": "2026-01-01T00:00:00Z",
}

text = st.text(max_size=6) | st.sampled_from(['"', '\\"', "\\", '":', "null", "\n", "é", "{", "}"])
values = {
    "load": st.floats(allow_nan=False, allow_infinity=False) | st.none(),
    "zone": text | st.none(),
    "count": st.integers(-5, 5),
    "on": st.booleans() | st.none(),
}
data = st.fixed_dictionaries({}, optional=values).map(lambda entries: list(entries.items()))
envelopes = (
    st.just(list(CLOUD_EVENT.items()))
    | st.fixed_dictionaries({}, optional={"id": text, "source": text, "time": st.just(CLOUD_EVENT["time"])}).map(
        lambda entries: list(entries.items())
    )
    | st.just([*CLOUD_EVENT.items(), ("answer", "x")])
    | st.just([*CLOUD_EVENT.items(), ("subject", "x")])
)
pairs = st.tuples(envelopes, data, st.booleans(), st.sampled_from([0, 0, 1, 2, 3]), st.booleans())


def document_text(document: tuple[Any, ...]) -> bytes:
    """A document, perhaps with a key twice (the first of the data, the first of the envelope, or an extra one)."""
    envelope, fields, spaced, twice, escaped = document
    envelope, fields = list(envelope), list(fields)
    if twice == 1 and fields:
        fields.insert(0, fields[0])
    if twice == 2 and envelope:
        envelope.insert(0, envelope[0])
    if twice == 3:
        fields.append(("more", "x"))
    colon = " : " if spaced else ":"

    def spelled(value: Any) -> str:
        return json.dumps(value, ensure_ascii=escaped)

    inner = ",".join(f"{spelled(name)}{colon}{spelled(value)}" for name, value in fields)
    outer = [f"{spelled(name)}{colon}{spelled(value)}" for name, value in envelope]
    return ("{" + ",".join([*outer, f'"data"{colon}{{{inner}}}']) + "}").encode("utf-8", "surrogatepass")


@given(pairs, st.sampled_from([REFUSES_EXTRA, KEEPS_EXTRA]))
def test_an_event_that_is_read_names_each_key_once_and_holds_nothing_undeclared(
    document: tuple[Any, ...], parser: EventParser
) -> None:
    body = document_text(document)

    parsed = parser.parse(body)

    if parsed is not None:
        plain = json.loads(body)
        assert not has_duplicate_key(body, plain)
        assert set(plain) <= {*CLOUD_EVENT, "data"}
        assert "specversion" in plain or set(plain) <= {"source", "id", "time", "data"}
        assert [plain["data"].get(name) for name in values] == list(astuple(parsed.data))
        assert [getattr(parsed, name) for name in ("id", "source") if name in plain] == [
            plain[name] for name in ("id", "source") if name in plain
        ]


@pytest.mark.parametrize("envelope", [CLOUD_EVENT, {"id": "a"}, {}])
@pytest.mark.parametrize(
    "content",
    [{"load": 1, "zone": "z", "count": 2, "on": True}, {"load": None, "zone": 'quo"ted'}, {}],
)
def test_a_valid_event_is_parsed(envelope: dict[str, Any], content: dict[str, Any]) -> None:
    document = {**envelope, "data": content}
    for body in (json.dumps(document), json.dumps(document, indent=1)):
        parsed = REFUSES_EXTRA.parse(body.encode())
        assert parsed is not None
        assert astuple(parsed.data) == tuple(content.get(name) for name in values)


@given(st.lists(pairs, max_size=4))
def test_an_array_is_read_as_its_items_are(documents: list[tuple[Any, ...]]) -> None:
    items = [document_text(document) for document in documents]
    singly = [REFUSES_EXTRA.parse(item) for item in items]

    events = REFUSES_EXTRA.parse_array(b"[" + b",".join(items) + b"]")

    if events is not None:
        assert events == singly
    elif all(b"\\" not in item for item in items):
        assert None in singly


@given(st.lists(pairs, min_size=1, max_size=4), st.lists(st.integers(0, 200), max_size=3))
def test_lines_are_read_as_each_is_and_never_across_a_break(
    documents: list[tuple[Any, ...]], breaks: list[int]
) -> None:
    body = b"\n".join(document_text(document) for document in documents)
    for position in breaks:
        body = body[:position] + b"\n" + body[position:]
    lines = [line.strip() for line in body.split(b"\n") if line.strip()]

    events = REFUSES_EXTRA.parse_lines(lines)

    singly = [REFUSES_EXTRA.parse(line) for line in lines]
    assert events == (None if None in singly else singly)


def test_two_events_on_one_line_and_one_on_two_do_not_pass_for_two_lines() -> None:
    first, second = (json.dumps({"id": i, "data": {"zone": "z", "load": 1, "count": 1, "on": True}}) for i in "ab")
    for lines in ([first + second[:-1], "}"], [first + "{", second[1:]], [first[:-1], "}" + second]):
        assert REFUSES_EXTRA.parse_lines([line.encode() for line in lines]) is None


def test_texts_that_end_with_a_backslash_hide_no_second_key() -> None:
    assert (
        REFUSES_EXTRA.parse(rb'{"id": "a\\", "data": {"zone": "z\\", "load": 1, "load": 2, "count": 1, "on": true}}')
        is None
    )
