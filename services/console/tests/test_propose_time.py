"""Which column `stream init` takes for the time, and the horizon that it sees in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from penstock.console.init.declaration_text import declaration_text
from penstock.console.init.proposal import Choices
from penstock.console.init.propose_declaration import NO_CHOICES
from penstock.contracts.declaration.stream_file import parse_declaration

from .proposals import notes_of, proposal_for, proposed

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("time_format", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d %H:%M"])
def test_a_column_of_rising_dates_is_the_time(tmp_path: Path, time_format: str) -> None:
    rising = [(START + timedelta(days=day)).strftime(time_format) for day in range(10)]
    declaration = proposed(tmp_path, {"x": range(10), "when": rising, "y": ["no", "yes"] * 5})
    assert declaration.time.column == "when"
    assert set(declaration.fields) == {"x"}
    for values in (rising[::-1], [*rising[:8], "", "soon"], ["soon", *rising[1:9], ""], ["?", *rising[1:9], "?"]):
        declaration = proposed(tmp_path, {"x": range(10), "when": values, "y": ["no", "yes"] * 5})
        assert declaration.time.column is None
        assert set(declaration.fields) == {"x", "when"}


@pytest.mark.parametrize(
    ("odd", "note"),
    [
        ("", "1 rows without it are refused"),
        ("?", '1 rows without it are refused; may be missing: "?" 1 times'),
        ("soon", 'refused: line 9 (row 7): "soon"'),
    ],
)
def test_a_time_that_one_row_lacks_is_the_time_and_says_so(tmp_path: Path, odd: str, note: str) -> None:
    when = [(START + timedelta(days=day)).isoformat() for day in range(100)]
    columns = {"x": range(100), "when": [*when[:7], odd, *when[8:]], "y": ["no", "yes"] * 50}
    for choices in (NO_CHOICES, Choices(time="when")):
        proposal = proposal_for(tmp_path, columns, choices)
        assert parse_declaration(declaration_text(proposal)).time.column == "when"
        assert notes_of(proposal)["when"] == note


def test_a_column_whose_clock_is_set_back_is_the_time(tmp_path: Path) -> None:
    spring = [START + timedelta(minutes=minute) for minute in range(480)]
    clock = [f"{time if time.hour < 3 else time - timedelta(hours=1):%Y-%m-%d %H:%M}" for time in spring]
    proposal = proposal_for(tmp_path, {"x": range(480), "clock": clock, "y": ["no", "yes"] * 240})
    assert parse_declaration(declaration_text(proposal)).time.column == "clock"
    assert notes_of(proposal)["clock"] == "59 rows late: replayed in file order"
    short = {"x": range(100), "clock": clock[100:200], "y": ["no", "yes"] * 50}
    assert parse_declaration(declaration_text(proposal_for(tmp_path, short))).time.column is None


def test_the_horizon_lets_labels_be_thousands_of_rows_late(tmp_path: Path) -> None:
    rising = [(START + timedelta(days=day)).isoformat() for day in range(10)]
    declaration = proposed(tmp_path, {"x": range(10), "when": rising, "y": ["no", "yes"] * 5})
    assert declaration.label.horizon >= timedelta(days=5000)
    declaration = proposed(tmp_path, {"x": range(2), "when": ["1452-01-01", "2000-01-01"], "y": ["no", "yes"]})
    assert declaration.label.horizon == timedelta(days=36_500)
