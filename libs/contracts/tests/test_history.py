"""Events that bring their label: which are taken, and what they stand for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.contracts.checks import check_events, history_label_value
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.operations import operation_of
from penstock.contracts.received_decoder import ReceivedDecoder
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
    found = ReceivedDecoder(stream).decode(json.dumps({**whole, "data": {"x": x}, **attributes}).encode())
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize(
    ("task", "said", "code"),
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
def test_history_is_checked_as_event_and_as_label(task: str, said: dict[str, Any], code: str | None) -> None:
    declared = declaration(task)
    refusal = check_events(declared, [event(declared, **said)], NOW).get(0)
    assert (refusal and refusal.code) == code


def test_what_is_told_of_a_model_elsewhere_is_no_history() -> None:
    declared = declaration(more='[serving]\nmodel = "external"')
    for said in ({"label": "1"}, {"label": "1", "prediction": "1"}):
        assert 0 in check_events(declared, [event(declared, **said)], NOW)


def test_history_bears_an_events_name_and_says_something_of_its_own() -> None:
    declared = declaration()
    asked, told = operation_of(declared, event(declared)), operation_of(declared, event(declared, label="1"))
    assert told.name == asked.name
    assert told.digest != asked.digest
    assert told == operation_of(declared, event(declared, label=1.0, labeltime=NOW.isoformat()))
    assert told != operation_of(declared, event(declared, label="0"))


def test_the_label_is_in_the_tasks_own_type() -> None:
    assert history_label_value(declaration(), event(declaration(), label=1.0)) == "1"
    assert history_label_value(declaration("regression"), event(declaration("regression"), label=3)) == 3.0
    with pytest.raises(LookupError):
        history_label_value(declaration(), event(declaration()))
