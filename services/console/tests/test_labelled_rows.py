"""The rows of a file as events and labels."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.console.record_refusal import RefusalReason
from penstock.console.replay.rows.labelled_rows import FileRows, Row, chunk_size, chunks
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration

KNOWN = datetime(2024, 5, 1, tzinfo=UTC)


def rows_of(folder: Path, text: str, **declared: object) -> FileRows:
    """A file with columns x and y."""
    file = folder / "rows.csv"
    file.write_text(text)
    stream = {
        "name": "s",
        "task": "binary",
        "fields": {"x": {"type": "number"}},
        "label": {"name": "y", "classes": ["0", "1"]},
    }
    return FileRows(open_table(file), Declaration.model_validate(stream | declared), "replay/s")


def test_ids_are_derived_from_the_file_and_the_row(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    text = "x,y\n1,0\n1,0\n"
    ids = [row.id for row in rows_of(tmp_path, text).rows()]
    assert len(set(ids)) == 2
    assert {uuid.UUID(name).version for name in ids} == {5}
    assert [row.id for row in rows_of(tmp_path / "one", text, name="other").rows()] == ids
    assert not {row.id for row in rows_of(tmp_path / "two", text + "2,1\n").rows()} & set(ids)


def test_a_row_sent_again_is_the_same_record(tmp_path: Path) -> None:
    file_rows = rows_of(tmp_path, "x,y\n1.5,0\n2,1\n")
    first, again = list(file_rows.rows()), list(file_rows.rows())
    assert first == again
    assert [file_rows.label_of(row, KNOWN) for row in first] == [file_rows.label_of(row, KNOWN) for row in again]


def test_the_event_and_the_label_of_a_row(tmp_path: Path) -> None:
    fields = {"x": {"type": "number"}, "who": {"type": "category"}, "ok": {"type": "boolean"}}
    file_rows = rows_of(tmp_path, "who,ok,x,y\nann,yes,1.5,1.0\nbo,,NA,\n", fields=fields, entity="who")
    full, sparse = file_rows.rows()
    assert json.loads(full.event)["data"] == {"x": 1.5, "who": "ann", "ok": True}
    assert json.loads(sparse.event)["data"] == {"who": "bo"}
    assert (full.entity, full.label, sparse.label) == ("ann", "1", None)
    label = json.loads(file_rows.label_of(full, KNOWN))
    assert label["data"] == {"event_id": full.id, "event_source": "replay/s", "value": "1", "entity": "ann"}


@pytest.mark.parametrize("text", ["1e400", "1,50", "-inf", "many", "0x10", "1_000", "infinity"])
def test_text_that_is_not_a_number_is_sent_as_it_is(tmp_path: Path, text: str) -> None:
    (row, *_) = rows_of(tmp_path, f'x,y\n"{text}",0\n' + "1.5,1\n" * 10).rows()
    assert json.loads(row.event)["data"] == {"x": text}


@pytest.mark.parametrize("text", ["1e400", "many", "inf"])
def test_a_regression_label_that_is_not_a_number_is_refused_with_its_text(tmp_path: Path, text: str) -> None:
    first, second = rows_of(tmp_path, f"x,y\n1,5\n2,{text}\n", task="regression", label={"name": "y"}).rows()
    assert (first.label, first.label_refusal) == (5.0, None)
    reason = RefusalReason("wrong_type", "y", f"expected a finite number, found '{text}'")
    assert (second.label, second.label_refusal, second.event_refusal) == (None, reason, None)


def test_rows_without_a_time_are_a_minute_apart(tmp_path: Path) -> None:
    text = "x,y\n1,0\n2,1\n"
    assert [row.time.isoformat() for row in rows_of(tmp_path, text).rows()] == [
        "2000-01-01T00:00:00+00:00",
        "2000-01-01T00:01:00+00:00",
    ]
    declared = rows_of(tmp_path, text, time={"start": "1998-05-07T00:00:00Z", "step": "PT30M"})
    assert [row.time.isoformat() for row in declared.rows()] == [
        "1998-05-07T00:00:00+00:00",
        "1998-05-07T00:30:00+00:00",
    ]


def test_times_without_a_zone_are_read_in_the_declared_one(tmp_path: Path) -> None:
    text = "when,x,y\n2024-07-01 12:00,1,0\n2024-07-01T12:00:00+00:00,1,0\n2024/07/02,1,0\n"
    rows = rows_of(tmp_path, text, time={"column": "when", "zone": "Europe/Paris"}).rows()
    assert [row.time.astimezone(UTC).isoformat() for row in rows] == [
        "2024-07-01T10:00:00+00:00",
        "2024-07-01T12:00:00+00:00",
        "2024-07-01T22:00:00+00:00",
    ]
    (first, *_) = rows_of(tmp_path, text, time={"column": "when"}).rows()
    assert first.time == datetime(2024, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("cell", "found"), [("later", "'later'"), (" ", "nothing")])
def test_a_row_whose_time_cannot_be_read_is_refused_with_its_text(tmp_path: Path, cell: str, found: str) -> None:
    text = f"when,x,y\n2024-07-01,1,0\n{cell},1,0\n2024-07-02,1,0\n"
    first, second, third = rows_of(tmp_path, text, time={"column": "when"}).rows()
    reason = RefusalReason("wrong_type", "when", f"expected a time, year first, found {found}")
    assert (second.time, second.event_refusal) == (None, reason)
    assert [row.event_refusal for row in (first, third)] == [None, None]


@pytest.mark.parametrize(
    ("delay", "size"), [(0, 1), (1, 1), (7, 1), (8, 1), (16, 2), (48, 6), (800, 100), (10_000, 100)]
)
def test_a_chunk_is_an_eighth_of_the_delay(delay: int, size: int) -> None:
    assert chunk_size(delay) == size


@given(count=st.integers(0, 40), size=st.integers(1, 12))
def test_chunks_are_all_rows_in_order(count: int, size: int) -> None:
    rows = [Row(number, str(number), KNOWN, None, b"", None) for number in range(count)]
    cut = list(chunks(iter(rows), size))
    assert list(chain.from_iterable(cut)) == rows
    assert all(len(chunk) == size for chunk in cut[:-1])
    assert all(cut)


def test_a_label_written_with_thousands_is_the_same_class(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("x,y\n" + "1.5,1234\n2.5,7\n" * 10 + '3.5,"1,234"\n')
    declaration = Declaration.model_validate(
        {
            "name": "s",
            "task": "multiclass",
            "fields": {"x": {"type": "number"}},
            "label": {"name": "y", "new_classes": "accept"},
        }
    )
    assert {row.label for row in FileRows(open_table(file), declaration, "test").rows()} == {"1234", "7"}
