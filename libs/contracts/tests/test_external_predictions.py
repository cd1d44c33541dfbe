"""Streams whose model is external: which predictions events may carry, and what they mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.checks.event_check import check_events
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.label_values import external_prediction
from penstock.contracts.operations import Operation, operations_of
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
    decoded = ReceivedDecoder(stream).decode(json.dumps({**whole, "data": {"x": 1}, **attributes}).encode())
    assert isinstance(decoded, Event)
    return decoded


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
def test_a_stream_with_an_external_model_refuses_events_without_a_prediction(task: str) -> None:
    assert code_of(declaration(task)) == "missing_prediction"


@pytest.mark.parametrize("task", TASKS)
def test_a_stream_with_its_own_model_refuses_events_with_one(task: str) -> None:
    assert code_of(declaration(task, "own"), prediction="1") == "unexpected_prediction"
    assert code_of(declaration(task, "own"), modelversion="7") is None


@pytest.mark.parametrize(
    ("task", "sent", "value"),
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
def test_a_prediction_has_a_value_of_the_task_or_is_refused(task: str, sent: Any, value: str | float | None) -> None:
    declared = declaration(task)
    assert external_prediction(declared, event(declared, prediction=sent)) == value
    assert code_of(declared, prediction=sent) == (None if value is not None else "bad_prediction")


@given(st.floats(-1e100, 1e100))
def test_every_number_is_accepted_unchanged_also_as_text(value: float) -> None:
    declared = declaration("regression")
    events = [event(declared, prediction=sent) for sent in (value, repr(value))]
    assert check_events(declared, events, NOW) == {}
    assert [external_prediction(declared, each) for each in events] == [value, value]


@given(st.lists(st.sampled_from(["0", "1", "2", None]), max_size=6))
def test_each_event_is_checked_by_itself(predictions: list[str | None]) -> None:
    declared = declaration("binary")
    events = [event(declared, **({} if sent is None else {"prediction": sent})) for sent in predictions]
    alone = {"0": None, "1": None, "2": "bad_prediction", None: "missing_prediction"}
    refusals = check_events(declared, events, NOW)
    codes = [refusals[index].code if index in refusals else None for index in range(len(events))]
    assert codes == [alone[sent] for sent in predictions]


def test_a_prediction_is_part_of_an_operations_content() -> None:
    declared = declaration("binary")

    def operation(**attributes: Any) -> Operation:
        return operations_of(declared, [event(declared, **attributes)])[0]

    first = operation(prediction="1", modelversion="7")
    assert first == operation(prediction=1, modelversion="7")
    others = [
        operation(prediction="0", modelversion="7"),
        operation(prediction="1", modelversion="8"),
        operation(prediction="1"),
    ]
    assert len({other.digest for other in others} | {first.digest}) == 4
    assert {other.name for other in others} == {first.name}
