"""Classes, however they are written: JSON booleans, numbers or texts; in labels, history or external predictions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.contracts.checks.event_check import check_events
from penstock.contracts.checks.label_check import check_label
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.declaration.stream import Declaration, LabelDeclaration
from penstock.contracts.external_predictions import external_prediction
from penstock.contracts.label_values import (
    canonical_class,
    class_name,
    history_label_value,
    label_value,
)
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.streams import StreamDeclared

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAIRS = [
    ("false", "true"), ("False", "True"), ("FALSE", "TRUE"), ("no", "yes"), ("No", "Yes"), ("f", "t"), ("N", "Y"),
]  # fmt: skip

booleans = st.sampled_from(PAIRS).flatmap(st.permutations)
classes = booleans | st.lists(
    st.sampled_from(["0", "1", "true", "True", "yes", "no", "No", "maybe"]), min_size=2, max_size=4, unique=True
)
values = st.booleans() | st.integers(-1, 2) | st.sampled_from([0.0, 1.0, 0.5]) | st.sampled_from(
    ["0", "1", "1.0", "true", "false", "True", "yes", "no", "No", "maybe", ""]
)  # fmt: skip


def declared(names: list[str], new_classes: str, model: str) -> Declaration:
    whole = {
        "name": "s",
        "task": "multiclass",
        "fields": {"x": {"type": "number"}},
        "label": {"name": "y", "classes": names, "new_classes": new_classes},
        "serving": {"model": model},
    }
    return Declaration.model_validate(whole)


def decoded(declaration: Declaration, **members: Any) -> Event[Any] | Label:
    stream = StreamDeclared(source="t", id="1", time=NOW, version=1, declaration=declaration)
    envelope = {
        "specversion": "1.0",
        "type": "penstock.event.v1",
        "source": "shop",
        "id": "e1",
        "time": NOW.isoformat(),
    }
    record = ReceivedDecoder(stream).decode(json.dumps({**envelope, "data": {"x": 1}, **members}).encode())
    assert isinstance(record, Event | Label)
    return record


def from_label(names: list[str], new_classes: str, value: Any) -> str | float | None:
    declaration = declared(names, new_classes, "own")
    data = {"event_id": "e1", "event_source": "shop", "value": value}
    label = decoded(declaration, type="penstock.label.v1", data=data)
    assert isinstance(label, Label)
    return None if check_label(declaration, label, NOW) else label_value(declaration, label)


def from_history(names: list[str], new_classes: str, value: Any) -> str | float | None:
    declaration = declared(names, new_classes, "own")
    event = decoded(declaration, label=value)
    assert isinstance(event, Event)
    return None if check_events(declaration, [event], NOW) else history_label_value(declaration, event)


def from_prediction(names: list[str], new_classes: str, value: Any) -> str | float | None:
    declaration = declared(names, new_classes, "external")
    event = decoded(declaration, prediction=value)
    assert isinstance(event, Event)
    return None if check_events(declaration, [event], NOW) else external_prediction(declaration, event)


@given(classes, st.sampled_from(["refuse", "accept"]), values)
def test_a_value_names_the_same_class_wherever_it_stands_or_is_refused_everywhere(
    names: list[str], new_classes: str, value: Any
) -> None:
    named = from_label(names, new_classes, value)
    assert from_history(names, new_classes, value) == from_prediction(names, new_classes, value) == named
    if new_classes == "refuse":
        assert named is None or named in names


@given(classes, values)
def test_a_declared_class_is_named_by_its_own_text_and_every_value_as_its_text(names: list[str], value: Any) -> None:
    label = LabelDeclaration(name="y", classes=tuple(names))
    assert [class_name(label, name) for name in names] == names
    assert class_name(label, canonical_class(value)) == class_name(label, value)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_json_boolean_names_the_class_as_declared_in_either_order(pair: tuple[str, str]) -> None:
    for names in (list(pair), list(reversed(pair))):
        for read in (from_label, from_history, from_prediction):
            assert [read(names, "refuse", False), read(names, "refuse", True)] == list(pair)


def test_zero_and_one_are_no_booleans() -> None:
    assert from_label(["0", "1"], "refuse", True) is None
    assert from_label(["0", "1"], "refuse", 1) == "1"
    assert from_label(["no", "yes"], "refuse", 1) is None


@pytest.mark.parametrize("names", [["yes", "Yes", "no"], ["no", "maybe"], ["True", "TRUE", "False"]])
def test_where_no_single_pair_means_it_a_json_boolean_is_refused(names: list[str]) -> None:
    assert from_label(names, "refuse", True) is None
