"""NDJSON and Parquet: the types are the file's own."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penstock.console.failure import ConsoleFailure
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration

from .failing_command import WrongInputCommand, wrong_input

__all__ = ["wrong_input"]

ROWS = [
    {"n": 1, "b": True, "s": "007", "y": True},
    {"n": 2.5, "s": "x", "y": False},
    {"b": False, "n": None, "y": True},
]


def ndjson(folder: Path, rows: list[Any], name: str = "rows.ndjson") -> Path:
    """A file with an object a line."""
    file = folder / name
    text = "\n".join(json.dumps(row) for row in rows).encode()
    file.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return file


@pytest.mark.parametrize("name", ["rows.ndjson", "rows.jsonl.gz", "rows.json"])
def test_the_values_of_ndjson_keep_their_types_and_keys_may_vary(tmp_path: Path, name: str) -> None:
    table = open_table(ndjson(tmp_path, ROWS, name))
    assert list(table.rows()) == [[1, True, "007", True], [2.5, None, "x", False], [None, False, None, True]]
    kinds = {name: (each.kind, each.missing) for name, each in table.profiles.items()}
    assert kinds == {"n": ("number", 1), "b": ("boolean", 1), "s": ("text", 1), "y": ("boolean", 0)}


def test_texts_of_a_typed_file_are_no_numbers_but_may_be_times(tmp_path: Path) -> None:
    rows = [{"code": str(day), "at": f"2024-01-{day:02d}T00:00:00Z", "mixed": day if day % 9 else "n/a"}
            for day in range(10, 30)]  # fmt: skip
    profiles = open_table(ndjson(tmp_path, rows)).profiles
    assert {name: each.kind for name, each in profiles.items()} == {"code": "text", "at": "time", "mixed": "integer"}
    assert dict(profiles["mixed"].disguised) == {"n/a": 2}


def test_the_rows_of_a_typed_file_are_sent_as_declared(tmp_path: Path) -> None:
    declaration = Declaration.model_validate(
        {
            "name": "s",
            "task": "binary",
            "fields": {"n": {"type": "number"}, "b": {"type": "boolean"}, "s": {"type": "category"}},
            "label": {"name": "y", "classes": ["false", "true"]},
        }
    )
    rows = list(FileRows(open_table(ndjson(tmp_path, ROWS)), declaration, "test").rows())
    assert [json.loads(row.event)["data"] for row in rows] == [
        {"n": 1, "b": True, "s": "007"},
        {"n": 2.5, "s": "x"},
        {"b": False},
    ]
    assert [row.label for row in rows] == ["true", "false", "true"]


def test_the_columns_of_parquet_keep_their_types(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    moment = datetime(2024, 1, 1, 12, tzinfo=UTC)
    columns = {
        "i": pa.array([1, None, 3]),
        "f": pa.array([1.5, float("nan"), float("inf")]),
        "u": pa.array([2**63 + 1, 1, 2], pa.uint64()),
        "ns": pa.array([1_700_000_000_123_456_789] * 3, pa.timestamp("ns")),
        "tz": pa.array([moment] * 3, pa.timestamp("ms", "Europe/Paris")),
        "day": pa.array([moment.date()] * 3),
        "money": pa.array([Decimal("1.50"), None, Decimal("2.25")]),
        "huge": pa.array([Decimal(10**30), None, None], pa.decimal128(38)),
        "word": pa.array(["a", "b", "a"]).dictionary_encode(),
        "none": pa.nulls(3),
    }
    pq.write_table(pa.table(columns), file)
    table = open_table(file)
    assert {name: (each.kind, each.missing) for name, each in table.profiles.items()} == {
        "i": ("integer", 1),
        "f": ("number", 1),
        "u": ("text", 0),
        "ns": ("time", 0),
        "tz": ("time", 0),
        "day": ("time", 0),
        "money": ("number", 1),
        "huge": ("text", 2),
        "word": ("text", 0),
        "none": ("empty", 3),
    }
    first = next(table.rows())
    assert (first[0], first[4], first[7]) == (1, moment, str(10**30))
    (odd,) = table.profiles["f"].exceptions
    assert (odd.row, odd.text) == (2, "inf")


BAD_LINES = {
    '{"a": 1, "b": {"c": 2}}': ":2: 'b' holds an object or a list",
    '{"a": 1, "b": [2]}': ":2: 'b' holds an object or a list",
    "[1, 2]": ":2: expected a JSON object",
    '{"a": 1': ":2: not valid JSON",
    '{"a": NaN}': ":2: not valid JSON",
    '{"a": "\\ud800"}': ":2: not valid JSON",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, wrong_input: WrongInputCommand, line: str) -> None:
    file = tmp_path / "rows.ndjson"
    file.write_text(f'{{"a": 1, "b": 2}}\n{line}\n')
    message = wrong_input("stream", "init", file, "-o", tmp_path / "new.toml")
    assert message.startswith(f"{file}{BAD_LINES[line]}"), message


def test_a_file_without_rows_or_columns_is_one_line(tmp_path: Path, wrong_input: WrongInputCommand) -> None:
    file = tmp_path / "rows.ndjson"
    for text, expected in (
        ("", "the file is empty"),
        ('{"a": 1}\n', "found one, 'a'"),
        ('{"a\\nb": 1, "c": 2}', "line break"),
    ):
        file.write_text(text)
        assert expected in wrong_input("stream", "init", file, "-o", tmp_path / "new.toml")


LABELLED = Declaration.model_validate(
    {
        "name": "s",
        "task": "multiclass",
        "fields": {"x": {"type": "number"}},
        "label": {"name": "y", "new_classes": "accept"},
    }
)


def labels(file: Path, declaration: Declaration = LABELLED) -> list[str | float | None]:
    """The labels of a file's rows."""
    return [row.label for row in FileRows(open_table(file), declaration, "test").rows()]


def test_nan_in_a_typed_file_is_a_missing_value_and_no_class(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": [1.0, 2.0, float("nan")], "y": [0.0, 1.0, float("nan")]}), file)
    regression = LABELLED.model_copy(update={"task": "regression"})
    assert labels(file) == ["0", "1", None]
    assert labels(file, regression) == [0.0, 1.0, None]
    assert open_table(file).profiles["y"].missing == 1


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", b'[{"x": 1, "y": 2}]', "expected a JSON object with a value per column on each line"),
        ("a.json", b'{\n"x": 1}', "expected a whole object on each line"),
        ("a.ndjson", b'{"x": "\xe4", "y": 1}', "expected UTF-8 text"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1" + bytes(99), "an Excel workbook"),
        ("a.parquet.gz", gzip.compress(b"PAR1" + bytes(99), mtime=0), "gunzip"),
    ],
)
def test_a_file_of_another_kind_is_told_by_its_name(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ConsoleFailure, match=expected):
        open_table(file)


def test_json_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "rows.txt"
    file.write_bytes(b'\xef\xbb\xbf{"x": 1, "y": "a"}\n')
    assert open_table(file).columns == ("x", "y")
