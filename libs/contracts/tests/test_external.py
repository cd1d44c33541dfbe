"""Streams whose model lives elsewhere: which predictions events may bring, and what they mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.checks import check_events, external_prediction
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.operations import operation_of
from penstock.contracts.received_decoder import ReceivedDecoder
from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import STATUS

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASKS = {
    "binary": 'classes = ["0", "1"]',
    "multiclass": 'classes = ["red", "true"]\nnew_classes = "accept"',
    "regression": "",
}


def declaration(task: str, model: str = "external") -> Declaration:
    label, serving = f'[label]\nname = "y"\n{TASKS[task]}', f'[serving]\nmodel = "{model}"'
    return parse_declaration(
        f'[stream]\nname = "s"\ntask = "{task}"\n{label}\n{serving}\n[fields]\nx = {{ type = "number" }}'
    )


def event(declared: Declaration, **attributes: Any) -> Event[Any]:
    """An event as it is decoded."""
    whole = {"specversion": "1.0", "type": "penstock.event.v1", "source": "shop", "id": "e1", "time": NOW.isoformat()}
    stream = StreamDeclared(source="t", id="1", time=NOW, version=1, declaration=declared)
    found = ReceivedDecoder(stream).decode(json.dumps({**whole, "data": {"x": 1}, **attributes}).encode())
    assert isinstance(found, Event)
    return found


def code_of(declared: Declaration, **attributes: Any) -> str | None:
    refusal = check_events(declared, [event(declared, **attributes)], NOW).get(0)
    if refusal is None:
        return None
    assert (refusal.status, refusal.field, refusal.id) == (STATUS[refusal.code], "prediction", "e1")
    return refusal.code


def test_a_model_is_our_own_unless_declared_otherwise() -> None:
    plain = parse_declaration(
        'stream = {name = "s", task = "regression"}\nlabel = {name = "y"}\nfields.x.type = "number"'
    )
    assert not plain.serving.external
    assert declaration("regression").serving.external


@pytest.mark.parametrize("task", TASKS)
def test_an_external_stream_takes_no_event_without_a_prediction(task: str) -> None:
    assert code_of(declaration(task)) == "missing_prediction"


@pytest.mark.parametrize("task", TASKS)
def test_an_own_stream_takes_no_event_with_one(task: str) -> None:
    assert code_of(declaration(task, "own"), prediction="1") == "unexpected_prediction"
    assert code_of(declaration(task, "own"), modelversion="7") is None


@pytest.mark.parametrize(
    ("task", "said", "meant"),
    [
        ("binary", "1", "1"),
        ("binary", 1, "1"),
        ("binary", 1.0, "1"),
        ("binary", "2", None),
        ("binary", True, None),
        ("binary", "", None),
        ("multiclass", True, "true"),
        ("multiclass", "a new one", "a new one"),
        ("multiclass", "", None),
        ("regression", 0, 0.0),
        ("regression", "-1.5e3", -1500.0),
        ("regression", "much", None),
        ("regression", "nan", None),
        ("regression", "1e999", None),
        ("regression", False, None),
    ],
)
def test_what_a_prediction_means(task: str, said: Any, meant: str | float | None) -> None:
    declared = declaration(task)
    assert external_prediction(declared, event(declared, prediction=said)) == meant
    assert code_of(declared, prediction=said) == (None if meant is not None else "bad_prediction")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_taken_as_it_is_also_as_text(value: float) -> None:
    declared = declaration("regression")
    both = [event(declared, prediction=said) for said in (value, repr(value))]
    assert check_events(declared, both, NOW) == {}
    assert [external_prediction(declared, one) for one in both] == [value, value]


@given(st.lists(st.sampled_from(["0", "1", "2", None]), max_size=6))
def test_each_event_is_judged_by_itself(predictions: list[str | None]) -> None:
    declared = declaration("binary")
    events = [event(declared, **({} if said is None else {"prediction": said})) for said in predictions]
    alone = {"0": None, "1": None, "2": "bad_prediction", None: "missing_prediction"}
    found = check_events(declared, events, NOW)
    assert [found[place].code if place in found else None for place in range(len(events))] == [
        alone[said] for said in predictions
    ]


def test_a_prediction_is_part_of_what_an_event_says() -> None:
    declared = declaration("binary")

    def said(**attributes: Any) -> Any:
        return operation_of(declared, event(declared, **attributes))

    assert said(prediction="1", modelversion="7") == said(prediction=1, modelversion="7")
    others = [said(prediction="0", modelversion="7"), said(prediction="1", modelversion="8"), said(prediction="1")]
    assert len({other.digest for other in others} | {said(prediction="1", modelversion="7").digest}) == 4
    assert {other.name for other in others} == {said(prediction="1").name}
