"""Rows of a file as labelled history."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from penstock.console.replay.feed import FileFeed
from penstock.console.replay.labelled_history import Past, history
from penstock.console.table_file import open_table
from penstock.contracts.declaration.stream import Declaration

DECLARATION = Declaration.model_validate(
    {
        "name": "s",
        "task": "binary",
        "fields": {"x": {"type": "number"}},
        "label": {"name": "y", "classes": ["0", "1"]},
        "time": {"column": "at"},
    }
)


def told(folder: Path, rows: list[str], delay: int = 0) -> list[Past]:
    file = folder / "rows.csv"
    file.write_text("\n".join(["at,x,y", *rows]) + "\n")
    return list(history(FileFeed(open_table(file), DECLARATION, "import/s").rows(), delay))


def test_a_row_brings_its_label_and_when_it_was_known(tmp_path: Path) -> None:
    first, second, bare = told(tmp_path, ["2026-01-01,1.5,1", "2026-01-03,2,0", "2026-01-02,2,"], delay=1)
    record = json.loads(first.event or b"")
    assert (record["id"], record["source"], record["data"]) == (first.id, "import/s", {"x": 1.5})
    assert (record["label"], record["labeltime"]) == ("1", "2026-01-03T00:00:00Z")
    assert second.known_at == first.known_at, "time goes on, whatever the file says"
    assert (bare.number, bare.event) == (2, None)


ROWS = st.lists(st.sampled_from(["2026-01-01,1,0", "2026-01-01,1,1", "2026-01-01,2,0", "2026-01-02,1,0"]), min_size=1)


@given(ROWS, ROWS)
def test_a_longer_or_corrected_file_repeats_the_ids_of_what_it_repeats(
    tmp_path_factory: object, rows: list[str], more: list[str]
) -> None:
    folder: Path = tmp_path_factory.mktemp("files")  # type: ignore[attr-defined]
    first = [row.id for row in told(folder, rows)]
    assert len(set(first)) == len(rows), "equal rows are several events"
    assert [row.id for row in told(folder, [*rows, *more])][: len(rows)] == first
    assert sorted(row.id for row in told(folder, rows[::-1])) == sorted(first)


def test_where_rows_stand_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('a,b\n1,"two\nlines"\n\n2,x\n3,y\n')
    assert open_table(file).lines_of({0, 2}) == {0: 3, 2: 6}
    assert open_table(file).lines_of(()) == {}
