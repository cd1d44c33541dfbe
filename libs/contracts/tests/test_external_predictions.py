"""Streams whose model is external: which predictions events may carry, and what they mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from penstock.contracts.checks.event_check import check_events
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import DeclarationError, parse_declaration
from penstock.contracts.external_predictions import (
    BadProbabilities,
    external_name,
    external_prediction,
    external_probabilities,
    external_version,
)
from penstock.contracts.operations import Operation, operations_of
from penstock.contracts.records.events import Event
from penstock.contracts.records.predictions import version_name
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.refusals import STATUS

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASKS = {
    "binary": 'classes = ["0", "1"]',
    "multiclass": 'classes = ["red", "true"]\nnew_classes = "accept"',
    "regression": "",
}


def declaration(task: str, model: str = "external", *, challengers: bool = False) -> Declaration:
    label, serving = f'[label]\nname = "y"\n{TASKS[task]}', f'[serving]\nmodel = "{model}"'
    serving += "\nchallengers = true" if challengers else ""
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
    assert (refusal.status, refusal.id) == (STATUS[refusal.code], "e1")
    assert refusal.field in ("prediction", "probabilities")
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


def test_beside_challengers_an_event_may_leave_the_answer_to_us() -> None:
    declared = declaration("binary", challengers=True)
    assert code_of(declared) is None
    assert code_of(declared, prediction="1") is None
    assert code_of(declared, probabilities=[0.5, 0.5]) == "missing_prediction"


@pytest.mark.parametrize(
    ("task", "sent", "stated"),
    [
        ("binary", [0.25, 0.75], [0.25, 0.75]),
        ("binary", {"1": 0.75, "0": 0.25}, [0.25, 0.75]),
        ("binary", {"1": 1}, [0.0, 1.0]),
        ("binary", "[0.25, 0.75]", [0.25, 0.75]),
        ("binary", '{"0": 0.25, "1": 0.75}', [0.25, 0.75]),
        ("binary", [0.3333, 0.6666], [0.3333, 0.6666]),
        ("multiclass", {"true": 0.1, "red": 0.9}, [0.9, 0.1]),
        ("multiclass", {"blue": 0.1, "red": 0.9}, None),
        ("binary", {"2": 1.0}, None),
        ("binary", [0.25, 0.25], None),
        ("binary", [1.25, -0.25], None),
        ("binary", [1.0], None),
        ("binary", [], None),
        ("binary", {}, None),
        ("binary", "much", None),
        ("binary", '["a", "b"]', None),
        ("binary", "[1e400, 0]", None),
        ("regression", [1.0], None),
    ],
)
def test_probabilities_are_of_the_declared_classes_or_refused(task: str, sent: Any, stated: list[float] | None) -> None:
    declared = declaration(task)
    prediction = "1" if task != "multiclass" else "red"
    code = code_of(declared, prediction=prediction, probabilities=sent)
    assert code == (None if stated is not None else "bad_prediction")
    carried = event(declared, prediction=prediction, probabilities=sent)
    if stated is not None:
        assert external_probabilities(declared, carried) == stated
    else:
        with pytest.raises(BadProbabilities):
            external_probabilities(declared, carried)
    assert operations_of(declared, [carried])  # also of what is refused


def test_our_own_streams_refuse_probabilities_as_they_do_predictions() -> None:
    assert code_of(declaration("binary", "own"), probabilities=[0.5, 0.5]) == "unexpected_prediction"


def test_the_same_probabilities_are_the_same_content_however_they_are_written() -> None:
    declared = declaration("binary")
    written: list[Any] = [[0.25, 0.75], {"1": 0.75, "0": 0.25}, "[0.25,0.75]"]
    digests = {
        operations_of(declared, [event(declared, prediction="1", probabilities=each)])[0].digest for each in written
    }
    other = operations_of(declared, [event(declared, prediction="1", probabilities=[0.5, 0.5])])[0].digest
    assert len(digests) == 1
    assert other not in digests


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=20))
def test_versions_are_told_apart_by_numbers_below_those_of_our_own(names: list[str]) -> None:
    numbers = [external_version(name) for name in names]
    assert len(set(numbers)) == len(names)
    assert all(-(2**53) < number < external_version(UNSET) < 0 for number in numbers)
    assert [version_name(external_name("s", name), external_version(name)) for name in names] == names


def test_challengers_are_for_external_models_without_lags() -> None:
    for serving in ('model = "own"\nchallengers = true', 'model = "external"\nchallengers = true\n[lags]\nlabel = [1]'):
        text = '[stream]\nname = "s"\ntask = "regression"\n[label]\nname = "y"\n[fields]\nx = { type = "number" }'
        with pytest.raises(DeclarationError, match="challengers"):
            parse_declaration(f"{text}\n[serving]\n{serving}")
