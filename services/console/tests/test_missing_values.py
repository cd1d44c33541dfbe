"""What counts as missing: as the stream, the field and the label declare it; a value that is listed never does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import MISSING_TEXTS
from penstock.contracts.declaration.stream_file import DeclarationError, parse_declaration

STREAM = """
[stream]
name = "s"
task = "multiclass"
{stream}
[label]
name = "y"
new_classes = "accept"
{label}
[fields]
n = {{ type = "number"{n} }}
c = {{ type = "category"{c} }}
b = {{ type = "boolean" }}
"""


def sent(folder: Path, row: str, **declared: str) -> tuple[dict[str, Any], str | float | None]:
    """The fields and the label of a row n,c,b,y."""
    file = folder / "rows.csv"
    file.write_text(f"n,c,b,y\n{row}\n" + "1.5,x,true,a\n2.5,y,false,b\n" * 20)
    text = STREAM.format_map({"stream": "", "label": "", "n": "", "c": ""} | declared)
    first = next(FileRows(open_table(file), parse_declaration(text), "test").rows())
    return json.loads(first.event)["data"], first.label


@pytest.mark.parametrize("text", [*MISSING_TEXTS, " ", " NA "])
def test_the_usual_texts_are_missing_everywhere(tmp_path: Path, text: str) -> None:
    assert sent(tmp_path, ",".join([text] * 4)) == ({}, None)


def test_a_value_that_is_listed_is_never_missing(tmp_path: Path) -> None:
    data, label = sent(tmp_path, "1,NA,NA,NA", c=', categories = ["NA", "x"]', label='classes = ["NA", "a"]')
    assert (data, label) == ({"n": 1.0, "c": "NA"}, "NA")


def test_a_stream_a_field_and_a_label_list_their_own(tmp_path: Path) -> None:
    assert sent(tmp_path, "?,?,?,?", stream='missing = ["?"]') == ({}, None)
    assert sent(tmp_path, "NA,NA,NA,NA", stream='missing = ["?"]') == ({"n": "NA", "c": "NA", "b": "NA"}, "NA")
    data, label = sent(
        tmp_path, "-999,?,true,?", n=', missing = ["-999"]', c=', missing = [""]', label='missing = ["?"]'
    )
    assert (data, label) == ({"c": "?", "b": True}, None)
    assert sent(tmp_path, "-999.0,NA,yes,NA", n=', missing = ["-999"]', c=', missing = [""]') == (
        {"c": "NA", "b": True},
        None,
    )


@pytest.mark.parametrize("text", ["unknown", "n/a", "None", "-", "?"])
def test_a_value_in_disguise_is_sent_as_it_is(tmp_path: Path, text: str) -> None:
    assert sent(tmp_path, f"{text},{text},{text},{text}") == ({"n": text, "c": text, "b": text}, text)


def test_texts_are_listed_once() -> None:
    with pytest.raises(DeclarationError, match="'NA' is listed twice"):
        parse_declaration(STREAM.format(stream='missing = ["NA", "NA"]', label="", n="", c=""))
