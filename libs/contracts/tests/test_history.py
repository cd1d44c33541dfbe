"""Imported history, which are events that carry their label: which are accepted, and as what operation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.contracts.checks.event_check import check_events
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.label_values import history_label_value
from penstock.contracts.operations import Operation, operations_of
from penstock.contracts.records.events import Event
from penstock.contracts.records.streams import StreamDeclared

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASKS = {"binary": 'classes = ["0", "1"]', "regression": ""}


def declaration(task: str = "binary", more: str = "") -> Declaration:
    return parse_declaration(
        f'[stream]\nname = "s"\ntask = "{task}"\n[label]\nname = "y"\n{TASKS[task]}\n{more}\n'
        '[fields]\nx = { type = "number", max = 5, outside = "refuse" }'
    )


def event(declared: Declaration, x: float = 1, **attributes: Any) -> Event[Any]:
    whole = {"specversion": "1.0", "type": "penstock.event.v1", "source": "shop", "id": "e1", "time": NOW.isoformat()}
    stream = StreamDeclared(source="t", id="1", time=NOW, version=1, declaration=declared)
    decoded = ReceivedDecoder(stream).decode(json.dumps({**whole, "data": {"x": x}, **attributes}).encode())
    assert isinstance(decoded, Event)
    return decoded


@pytest.mark.parametrize(
    ("task", "attributes", "code"),
    [
        ("binary", {"label": "1"}, None),
        ("binary", {"label": 1, "labeltime": "2026-01-01T13:00:00Z"}, None),
        ("binary", {"label": "2"}, "unknown_class"),
        ("binary", {"label": ""}, "unknown_class"),
        ("binary", {"label": "1", "x": 6}, "out_of_range"),
        ("binary", {"label": "1", "answer": "mac.text"}, "extra_field"),
        ("binary", {"label": "1", "prediction": "1"}, "unexpected_prediction"),
        ("regression", {"label": 2.5}, None),
        ("regression", {"label": True}, "wrong_type"),
        ("regression", {"label": "much"}, "wrong_type"),
    ],
)
def test_history_is_checked_as_event_and_as_label(task: str, attributes: dict[str, Any], code: str | None) -> None:
    declared = declaration(task)
    refusal = check_events(declared, [event(declared, **attributes)], NOW).get(0)
    assert (refusal and refusal.code) == code


def test_a_stream_with_an_external_model_refuses_history() -> None:
    declared = declaration(more='[serving]\nmodel = "external"')
    for attributes in ({"label": "1"}, {"label": "1", "prediction": "1"}):
        assert 0 in check_events(declared, [event(declared, **attributes)], NOW)


def test_history_has_the_name_of_an_event_and_another_content() -> None:
    declared = declaration()

    def operation(**attributes: Any) -> Operation:
        return operations_of(declared, [event(declared, **attributes)])[0]

    live, history = operation(), operation(label="1")
    assert history.name == live.name
    assert history.digest != live.digest
    assert history == operation(label=1.0, labeltime=NOW.isoformat())
    assert history != operation(label="0")


def test_the_label_is_in_the_tasks_own_type() -> None:
    assert history_label_value(declaration(), event(declaration(), label=1.0)) == "1"
    assert history_label_value(declaration("regression"), event(declaration("regression"), label=3)) == 3.0
    with pytest.raises(LookupError):
        history_label_value(declaration(), event(declaration()))
