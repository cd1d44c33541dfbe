"""Laws of what is let in, without HTTP or a log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.checks import check_events, check_label
from penstock.contracts.declaration.stream import ServingDeclaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.received_decoder import ReceivedDecoder
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import STATUS, Refusal
from penstock.ingestion.admission import Admission, Admitted
from penstock.ingestion.limits import LIMITS
from penstock.ingestion.recent_operations import RecentOperations
from penstock.ingestion.shorthand import Kind
from penstock.ingestion.web.request_bodies import FORMS, Documents, documents_in

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

ELSEWHERE = STREAM.model_copy(
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


def admit(kind: Kind, *bodies: bytes) -> list[Admitted | Refusal]:
    return Admission(STREAM, LIMITS).admit(kind, bodies, NOW)


@given(st.sampled_from(["event", "label"]), anything | shorthand | label)
def test_every_document_is_admitted_or_refused_for_a_known_reason(kind: Kind, document: Any) -> None:
    (verdict,) = admit(kind, json.dumps(document).encode())

    assert isinstance(verdict, Admitted) or verdict.code in STATUS


@given(st.sampled_from(sorted(FORMS.values())), st.binary(max_size=60))
def test_bytes_of_any_kind_are_taken_apart_or_refused(form: Any, body: bytes) -> None:
    documents = documents_in(form, body)

    verdicts = admit("event", *documents.bodies) if isinstance(documents, Documents) else [documents]
    assert all(isinstance(verdict, Refusal) for verdict in verdicts)


@given(st.lists(st.tuples(st.just("event"), shorthand) | st.tuples(st.just("label"), label), min_size=1))
def test_what_is_admitted_passes_the_validators_check(documents: list[tuple[Kind, Any]]) -> None:
    decode = ReceivedDecoder(STREAM).decode
    for kind, document in documents:
        (verdict,) = admit(kind, json.dumps(document).encode())
        if isinstance(verdict, Admitted):
            record = decode(verdict.value)
            assert record == verdict.record
            if isinstance(record, Event):
                assert check_events(STREAM.declaration, [record], NOW) == {}
            assert not isinstance(record, Label) or check_label(STREAM.declaration, record, NOW) is None


@given(shorthand)
def test_shorthand_and_the_whole_event_are_one_operation(document: Any) -> None:
    whole = {"specversion": "1.0", "type": "penstock.event.v1", "source": "http", "time": "2025-01-01T00:00:00Z"}

    short, spelled = admit("event", json.dumps(document).encode(), json.dumps({**whole, **document}).encode())

    assert getattr(short, "operation", short) == getattr(spelled, "operation", spelled)


@given(st.lists(st.one_of(shorthand, anything), max_size=5))
def test_verdicts_do_not_depend_on_the_company(documents: list[Any]) -> None:
    bodies = [json.dumps(document).encode() for document in documents]

    assert admit("event", *bodies) == [verdict for body in bodies for verdict in admit("event", body)]


@given(st.lists(st.integers(0, 2), max_size=20))
def test_the_first_body_of_an_id_stands_however_requests_are_cut(amounts: list[int]) -> None:
    bodies = [
        b'{"id": "%d", "data": {"zone": "z", "load": %d}}' % (place % 3, load) for place, load in enumerate(amounts)
    ]
    first = {}
    for place, load in enumerate(amounts):
        first.setdefault(place % 3, load)
    recent = RecentOperations(100)

    whole = recent.sift(STREAM, admit("event", *bodies), 0)
    singly = []
    for body in bodies:
        (verdict,) = recent.sift(STREAM, admit("event", body), 0)
        recent.remember(STREAM, [verdict] if isinstance(verdict, Admitted) else [], 0)
        singly.append(verdict)

    assert whole == singly
    assert [isinstance(v, Admitted) for v in whole] == [first[place % 3] == load for place, load in enumerate(amounts)]


@pytest.mark.parametrize("name", ["revision", "event_source", "id"])
def test_a_label_with_an_unfit_part_is_refused_not_broken(name: str) -> None:
    (verdict,) = admit("label", json.dumps({"event_id": "a", "value": "x", name: {"not": "fit"}}).encode())

    assert isinstance(verdict, Refusal)


WITH, WITHOUT = {"prediction": "on", "modelversion": "7"}, dict[str, Any]()


@pytest.mark.parametrize("company", [0, 3])
@pytest.mark.parametrize("whole", [{}, {"specversion": "1.0", "type": "penstock.event.v1", "source": "s"}])
@pytest.mark.parametrize(
    ("stream", "said", "code"),
    [
        (ELSEWHERE, WITH, None),
        (ELSEWHERE, WITH | {"prediction": 7}, None),
        (ELSEWHERE, WITHOUT, "missing_prediction"),
        (ELSEWHERE, {"prediction": ""}, "bad_prediction"),
        (ELSEWHERE, {"prediction": None}, "wrong_type"),
        (STREAM, WITH, "unexpected_prediction"),
        (STREAM, WITH | {"prediction": 7}, "unexpected_prediction"),
        (STREAM, WITHOUT, None),
    ],
)
def test_a_prediction_comes_with_the_events_of_a_stream_that_says_so(
    stream: StreamDeclared, said: dict[str, Any], whole: dict[str, Any], code: str | None, company: int
) -> None:
    data = {"load": 1.5, "zone": "z", "count": 1, "on": True}
    bodies = [
        json.dumps({**whole, **said, "id": f"{place}", "time": "2026-01-01T00:00:00Z", "data": data}).encode()
        for place in range(1 + company)
    ]

    verdicts = Admission(stream, LIMITS).admit("event", bodies, NOW)

    assert [verdict.code if isinstance(verdict, Refusal) else None for verdict in verdicts] == [code] * len(bodies)
    for verdict in verdicts:
        if isinstance(verdict, Admitted):
            assert json.loads(verdict.value).items() >= said.items()
