"""The values of fields in the reference and in the newest rows."""

from __future__ import annotations

from pathlib import Path

from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.report_page.field_values import MOST_ROWS, Comparison, compare_fields
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration

DECLARATION = Declaration.model_validate(
    {
        "name": "s",
        "task": "binary",
        "fields": {
            "x": {"type": "number"},
            "k": {"type": "category"},
            "same": {"type": "boolean"},
            "id": {"type": "category", "feature": False},
        },
        "label": {"name": "y", "classes": ["a", "b"]},
    }
)


def comparison(folder: Path, rows: list[str], first_training: int | None = None) -> Comparison:
    path = folder / "rows.csv"
    path.write_text("\n".join(["x,k,same,id,y", *rows]) + "\n")
    table = open_table(path)
    return compare_fields(FileRows(table, DECLARATION, "test"), table.count(), first_training, DECLARATION)


def test_the_rows_up_to_the_first_training_are_compared_with_the_newest_tenth(tmp_path: Path) -> None:
    rows = [f"{number / 7},{'u' if number < 900 else 'v'},true,i{number},a" for number in range(1000)]
    compared = comparison(tmp_path, rows, first_training=299)
    assert (list(compared.reference), list(compared.newest)) == (list(range(300)), list(range(900, 1000)))
    fields = {field.name: field for field in compared.fields}
    assert set(fields) == {"x", "k", "same"}
    assert compared.fields[-1].name == "same"  # those that differ most come first
    assert {value.name: (value.reference, value.newest) for value in fields["k"].values} == {"u": (1, 0), "v": (0, 1)}
    assert fields["x"].is_range
    assert (fields["x"].change, fields["same"].change, fields["same"].psi) == ("large change", "alike", 0)


def test_shares_of_each_part_add_up_to_one_with_missing_and_other_values(tmp_path: Path) -> None:
    rows = [f"{'' if n % 5 == 0 else n % 400},c{n % 30},true,i,a" for n in range(2000)]
    for field in comparison(tmp_path, rows).fields:
        for shares in ([value.reference for value in field.values], [value.newest for value in field.values]):
            assert abs(sum(shares) - 1) < 0.001, field.name
        names = [value.name for value in field.values]
        assert ("(missing)" in names) == (field.name == "x")
        assert ("(others)" in names) == (field.name == "k")


def test_of_many_rows_some_are_compared_evenly_spaced(tmp_path: Path) -> None:
    compared = comparison(tmp_path, [f"{number},u,true,i,a" for number in range(14_000)], first_training=11_999)
    assert (len(compared.reference), compared.reference[-1]) == (4000, 11_997)
    assert len(compared.reference) <= MOST_ROWS
    assert compared.newest == range(12_600, 14_000)


def test_without_rows_after_the_first_training_nothing_is_compared(tmp_path: Path) -> None:
    rows = ["1,u,true,i,a"] * 20
    assert comparison(tmp_path, rows, first_training=19).fields == []
    assert comparison(tmp_path, rows, first_training=18).fields != []


def test_what_is_no_number_counts_as_missing(tmp_path: Path) -> None:
    rows = [f"{'oops' if number % 2 else number},u,true,i,a" for number in range(100)]
    (x,) = [field for field in comparison(tmp_path, rows).fields if field.name == "x"]
    assert [(value.name, value.reference) for value in x.values if value.name == "(missing)"] == [("(missing)", 0.5)]
