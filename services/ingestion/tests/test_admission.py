"""Properties of admission, without HTTP or a log."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.checks.event_check import check_events
from penstock.contracts.checks.label_check import check_label
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.declaration.stream import ServingDeclaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import STATUS, Refusal
from penstock.ingestion.admission import Admission, AdmittedRecord
from penstock.ingestion.limits import LIMITS
from penstock.ingestion.recent_operations import RecentOperations
from penstock.ingestion.shorthand import RecordKind
from penstock.ingestion.web.request_bodies import BODY_FORMATS, BodyFormat, Documents, split_body
from penstock.runtime.http.problems import Problem

NOW = datetime(2026, 1, 1, tzinfo=UTC)

STREAM = StreamDeclared(
    source="t",
    id="d",
    time=NOW,
    version=1,
    declaration=parse_declaration(
        """
[stream]
name = "power"
task = "multiclass"
[label]
name = "state"
new_classes = "accept"
[fields]
load = { type = "number" }
zone = { type = "category", missing = "refuse" }
count = { type = "integer" }
on = { type = "boolean" }
"""
    ),
)

EXTERNAL = STREAM.model_copy(
    update={
        "declaration": STREAM.declaration.model_copy(update={"serving": ServingDeclaration(model="external")}),
    }
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "data", "time", "source", "type", "specversion", "load", "zone", "value"]), inner
        )
    ),
    max_leaves=12,
)
data = st.fixed_dictionaries(
    {"zone": st.text(max_size=5)},
    optional={
        "load": st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.integers(-(2**70), 2**70),
        "count": st.integers(-(2**54), 2**54) | st.none(),
        "on": st.booleans(),
    },
)
ids = st.text(min_size=1, max_size=5)
shorthand = st.fixed_dictionaries({"id": ids, "data": data}, optional={"source": ids})
label = st.fixed_dictionaries(
    {"event_id": ids, "value": st.text(max_size=3) | st.floats() | st.booleans()},
    optional={"revision": st.integers(-1, 3), "entity": st.text(max_size=3) | st.integers(), "event_source": ids},
)


def admit(kind: RecordKind, *documents: bytes) -> list[AdmittedRecord | Refusal]:
    return Admission(STREAM, LIMITS).admit(kind, documents, NOW)


@given(st.sampled_from(["event", "label"]), anything | shorthand | label)
def test_every_document_is_admitted_or_refused_for_a_known_reason(kind: RecordKind, document: Any) -> None:
    (verdict,) = admit(kind, json.dumps(document).encode())

    assert isinstance(verdict, AdmittedRecord) or verdict.code in STATUS


def split_or_problem(body_format: BodyFormat, body: bytes) -> Documents | Problem:
    try:
        return asyncio.run(split_body(body_format, body, LIMITS.batch_records))
    except Problem as problem:
        return problem


@given(st.sampled_from(sorted(BODY_FORMATS.values())), st.binary(max_size=60))
def test_bytes_of_any_kind_are_split_or_refused(body_format: Any, body: bytes) -> None:
    documents = split_or_problem(body_format, body)

    if isinstance(documents, Problem):
        assert documents.status == STATUS[documents.code]
    else:
        assert all(isinstance(verdict, Refusal) for verdict in admit("event", *documents.texts))


@given(st.lists(st.tuples(st.just("event"), shorthand) | st.tuples(st.just("label"), label), min_size=1))
def test_what_is_admitted_passes_the_validators_check(documents: list[tuple[RecordKind, Any]]) -> None:
    decode = ReceivedDecoder(STREAM).decode
    for kind, document in documents:
        (verdict,) = admit(kind, json.dumps(document).encode())
        if isinstance(verdict, AdmittedRecord):
            record = decode(verdict.value)
            assert record == verdict.record
            if isinstance(record, Event):
                assert check_events(STREAM.declaration, [record], NOW) == {}
            assert not isinstance(record, Label) or check_label(STREAM.declaration, record, NOW) is None


@given(shorthand)
def test_shorthand_and_its_cloud_event_are_one_operation(document: Any) -> None:
    envelope = {"specversion": "1.0", "type": "penstock.event.v1", "source": "http", "time": "2025-01-01T00:00:00Z"}

    short, complete = admit("event", json.dumps(document).encode(), json.dumps({**envelope, **document}).encode())

    assert getattr(short, "operation", short) == getattr(complete, "operation", complete)


@given(st.lists(st.one_of(shorthand, anything), max_size=5))
def test_verdicts_do_not_depend_on_the_other_documents(documents: list[Any]) -> None:
    bodies = [json.dumps(document).encode() for document in documents]

    assert admit("event", *bodies) == [verdict for body in bodies for verdict in admit("event", body)]


@given(st.lists(st.integers(0, 2), max_size=20))
def test_the_first_body_of_an_id_stands_however_requests_are_cut(amounts: list[int]) -> None:
    bodies = [
        b'{"id": "%d", "data": {"zone": "z", "load": %d}}' % (index % 3, load) for index, load in enumerate(amounts)
    ]
    first = {}
    for index, load in enumerate(amounts):
        first.setdefault(index % 3, load)
    recent = RecentOperations(100)

    together = recent.refuse_conflicts(STREAM, admit("event", *bodies), 0)
    singly = []
    for body in bodies:
        (verdict,) = recent.refuse_conflicts(STREAM, admit("event", body), 0)
        recent.remember(STREAM, [verdict] if isinstance(verdict, AdmittedRecord) else [], 0)
        singly.append(verdict)

    assert together == singly
    assert [isinstance(v, AdmittedRecord) for v in together] == [
        first[index % 3] == load for index, load in enumerate(amounts)
    ]


@pytest.mark.parametrize("name", ["revision", "event_source", "id"])
def test_a_label_with_an_attribute_of_the_wrong_type_is_refused(name: str) -> None:
    (verdict,) = admit("label", json.dumps({"event_id": "a", "value": "x", name: {"not": "valid"}}).encode())

    assert isinstance(verdict, Refusal)


PREDICTION, NO_PREDICTION = {"prediction": "on", "modelversion": "7"}, dict[str, Any]()


@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("envelope", [{}, {"specversion": "1.0", "type": "penstock.event.v1", "source": "s"}])
@pytest.mark.parametrize(
    ("stream", "members", "code"),
    [
        (EXTERNAL, PREDICTION, None),
        (EXTERNAL, PREDICTION | {"prediction": 7}, None),
        (EXTERNAL, NO_PREDICTION, "missing_prediction"),
        (EXTERNAL, {"prediction": ""}, "bad_prediction"),
        (EXTERNAL, {"prediction": None}, "wrong_type"),
        (STREAM, PREDICTION, "unexpected_prediction"),
        (STREAM, PREDICTION | {"prediction": 7}, "unexpected_prediction"),
        (STREAM, NO_PREDICTION, None),
    ],
)
def test_only_events_of_a_stream_with_an_external_model_have_a_prediction(
    stream: StreamDeclared, members: dict[str, Any], envelope: dict[str, Any], code: str | None, others: int
) -> None:
    data = {"load": 1.5, "zone": "z", "count": 1, "on": True}
    bodies = [
        json.dumps({**envelope, **members, "id": f"{index}", "time": "2026-01-01T00:00:00Z", "data": data}).encode()
        for index in range(1 + others)
    ]

    verdicts = Admission(stream, LIMITS).admit("event", bodies, NOW)

    assert [verdict.code if isinstance(verdict, Refusal) else None for verdict in verdicts] == [code] * len(bodies)
    for verdict in verdicts:
        if isinstance(verdict, AdmittedRecord):
            assert json.loads(verdict.value).items() >= members.items()
