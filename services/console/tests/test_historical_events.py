"""Rows of a file as history."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from penstock.console.replay.rows.historical_events import NO_LABEL, HistoricalEvent, historical_events
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.table.table import open_table
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


def events_of(folder: Path, rows: list[str], delay: int = 0) -> list[HistoricalEvent]:
    file = folder / "rows.csv"
    file.write_text("\n".join(["at,x,y", *rows]) + "\n")
    return list(historical_events(FileRows(open_table(file), DECLARATION, "import/s").rows(), delay))


def test_an_event_carries_its_label_and_when_it_became_known(tmp_path: Path) -> None:
    first, second, unlabelled = events_of(tmp_path, ["2026-01-01,1.5,1", "2026-01-03,2,0", "2026-01-02,2,"], delay=1)
    event = json.loads(first.event if isinstance(first.event, bytes) else b"")
    assert (event["id"], event["source"], event["data"]) == (first.id, "import/s", {"x": 1.5})
    assert (event["label"], event["labeltime"]) == ("1", "2026-01-03T00:00:00Z")
    assert second.known_at == first.known_at, "stream time never goes back, even where the rows' times do"
    assert (unlabelled.number, unlabelled.event) == (2, NO_LABEL)


ROWS = st.lists(st.sampled_from(["2026-01-01,1,0", "2026-01-01,1,1", "2026-01-01,2,0", "2026-01-02,1,0"]), min_size=1)


@given(ROWS, ROWS)
def test_a_longer_or_corrected_file_repeats_the_ids_of_what_it_repeats(
    tmp_path_factory: object, rows: list[str], more: list[str]
) -> None:
    folder: Path = tmp_path_factory.mktemp("files")  # type: ignore[attr-defined]
    first = [row.id for row in events_of(folder, rows)]
    assert len(set(first)) == len(rows), "equal rows are several events"
    assert [row.id for row in events_of(folder, [*rows, *more])][: len(rows)] == first
    assert sorted(row.id for row in events_of(folder, rows[::-1])) == sorted(first)
