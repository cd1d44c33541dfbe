"""Entities and classes have one name in events, labels, history and files, however a file writes them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.console.replay.rows.historical_events import historical_events
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.table.table import open_table
from penstock.contracts.codecs.received_decoder import ReceivedDecoder
from penstock.contracts.declaration.stream import MISSING_TEXTS, Declaration
from penstock.contracts.entities import entity_of
from penstock.contracts.label_values import history_label_value, label_value
from penstock.contracts.records.events import Event, Label
from penstock.contracts.records.streams import StreamDeclared

KNOWN = datetime(2024, 5, 1, tzinfo=UTC)
NUMBERS = [
    "7",
    "007",
    "7.0",
    "1e3",
    "1E5",
    "1_000",
    "9007199254740993",
    "1.10",
    "+7",
    "-0",
    "0x1F",
    "1L",
    "inf",
    "true",
]
TEXTS = st.one_of(
    st.sampled_from(NUMBERS),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=9),
    st.from_regex(r"[+-]?0*\d{1,20}(\.\d{1,3})?([eE][+-]?\d)?", fullmatch=True),
).filter(lambda text: text.strip() and text.strip() not in MISSING_TEXTS)


def declared(kind: str = "category", classes: tuple[str, ...] = ()) -> Declaration:
    """A stream with the field `who` as its entity, which accepts every class."""
    return Declaration.model_validate(
        {
            "name": "s",
            "task": "multiclass",
            "entity": "who",
            "fields": {"who": {"type": kind}, "x": {"type": "number"}},
            "label": {"name": "y", "classes": classes, "new_classes": "accept"},
        }
    )


def rows_of(folder: Path, who: list[str], labels: list[str], declaration: Declaration) -> FileRows:
    """A file with an entity and a label on each row."""
    file = folder / "rows.csv"
    with file.open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows(
            [["who", "x", "y"], *([one, 1, label] for one, label in zip(who, labels, strict=True))]
        )
    return FileRows(open_table(file), declaration, "s")


def received(declaration: Declaration, body: bytes) -> Event[object] | Label:
    """What the services read of a record."""
    stream = StreamDeclared(source="registry", id="1", time=KNOWN, version=1, declaration=declaration)
    decoded = ReceivedDecoder(stream).decode(body)
    assert isinstance(decoded, Event | Label), decoded
    return decoded


@settings(max_examples=50)
@given(who=st.lists(TEXTS, min_size=1, max_size=5), label=TEXTS)
@example(who=["00007", "7", "7.0"], label="007")
@example(who=["9007199254740993", "9007199254740992"], label="1.10")
def test_the_entity_of_a_label_is_that_of_its_event_in_every_form(
    tmp_path_factory: pytest.TempPathFactory, who: list[str], label: str
) -> None:
    declaration = declared()
    file_rows = rows_of(tmp_path_factory.mktemp("rows"), who, [label] * len(who), declaration)
    rows = list(file_rows.rows())
    names = []
    for row, history in zip(rows, historical_events(rows, 0), strict=True):
        event, sent = received(declaration, row.event), received(declaration, file_rows.label_of(row, KNOWN))
        past = received(declaration, history.event if isinstance(history.event, bytes) else b"")
        assert isinstance(event, Event)
        assert isinstance(past, Event)
        assert isinstance(sent, Label)
        assert entity_of(declaration, event) == sent.data.entity == entity_of(declaration, past) == row.entity
        assert label_value(declaration, sent) == history_label_value(declaration, past) == row.label
        names.append(row.entity)
    assert names == who, "a category keeps its text"


@pytest.mark.parametrize("kind", ["number", "integer", "boolean"])
@settings(max_examples=30)
@given(who=TEXTS)
def test_an_entity_that_is_a_number_or_a_boolean_has_one_name_too(
    tmp_path_factory: pytest.TempPathFactory, kind: str, who: str
) -> None:
    declaration = declared(kind)
    file_rows = rows_of(tmp_path_factory.mktemp("rows"), [who], ["a"], declaration)
    (row,) = file_rows.rows()
    if isinstance(msgspec.json.decode(row.event)["data"].get("who"), str):
        return  # no number: the validator refuses it
    decoded = received(declaration, row.event)
    assert isinstance(decoded, Event)
    assert entity_of(declaration, decoded) == row.entity


@settings(max_examples=50)
@given(labels=st.lists(TEXTS, min_size=2, max_size=6, unique=True))
@example(labels=["007", "7", "1.1", "1.10"])
@example(labels=["1e3", "1000"])
@example(labels=["true", "TRUE"])
def test_texts_that_differ_stay_different_classes(tmp_path_factory: pytest.TempPathFactory, labels: list[str]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    found = [row.label for row in rows_of(folder, ["a"] * len(labels), labels, declared()).rows()]
    same = len({label.lower() for label in labels}) < len(labels)  # True and TRUE are one
    whole = all(label.lstrip("-").replace(".", "").isdigit() for label in labels)  # as are 1 and 1.0
    assert same or whole or len(set(found)) == len(labels)
    listed = rows_of(folder, ["a"] * len(labels), labels, declared(classes=tuple(labels)))
    assert [row.label for row in listed.rows()] == labels, "a class that is listed keeps its text"


def test_classes_are_canonical_where_nothing_is_lost(tmp_path: Path) -> None:
    for texts, names in (
        (["1.0", "0.0", "1.0"], ["1", "0", "1"]),
        (["True", "FALSE"], ["true", "false"]),
        (["Yes", "No"], ["Yes", "No"]),
        (["007", "7", "1.1", "1.10"], ["007", "7", "1.1", "1.10"]),
        (["0.50", "0.75"], ["0.5", "0.75"]),
        (["0.5", "0.50", "2"], ["0.5", "0.50", "2"]),
        (["12E5", "1200000"], ["12E5", "1200000"]),
    ):
        found = [row.label for row in rows_of(tmp_path, ["a"] * len(texts), texts, declared()).rows()]
        assert found == names
    listed = rows_of(tmp_path, ["a"], ["1.0"], declared(classes=("1", "2")))
    assert [row.label for row in listed.rows()] == ["1"]
