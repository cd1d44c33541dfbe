"""`stream init`: the declaration that it proposes for a file."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.console.failure import ConsoleFailure
from penstock.console.init.propose_declaration import propose_declaration
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.declaration.stream_file import parse_declaration

START = datetime(2024, 1, 1, tzinfo=UTC)


def proposed(
    folder: Path, columns: Mapping[str, Sequence[object]], label: str | None = None, entity: str | None = None
) -> Declaration:
    """The declaration that is proposed for a file with these columns; every proposal must parse."""
    file = folder / "2 My rows.csv"
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([columns.keys(), *zip(*columns.values(), strict=True)])
    return parse_declaration(propose_declaration(open_table(file), label, entity))


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["no", "yes"], "binary", ("no", "yes")),
        ([3, 17], "binary", ("17", "3")),
        ([0.25, 0.75], "binary", ("0.25", "0.75")),
        (["1", "1.0", "0"], "binary", ("0", "1")),
        (["a", "b", "c"], "multiclass", ("a", "b", "c")),
        (["1", "2", "x"], "multiclass", ("1", "2", "x")),
        (list(range(20)), "multiclass", tuple(sorted(map(str, range(20))))),
        (list(range(21)), "regression", ()),
        ([1, 2, 3.5], "regression", ()),
        ([7], "multiclass", ("7",)),
        (["007", "7", "1.1", "1.10"], "multiclass", ("007", "1.1", "1.10", "7")),
        (["12E5", "1200000"], "binary", ("1200000", "12E5")),
        (["EU", "APAC", "NA"], "multiclass", ("APAC", "EU", "NA")),
        (["Yes", "No", "No", "No", "NA"], "binary", ("No", "Yes")),
        (["True", "False"], "binary", ("false", "true")),
        (["1,50", "2,00", "2,25"], "regression", ()),
        (["1,0", "2,0"], "binary", ("1", "2")),
    ],
)
def test_the_task_follows_from_the_label(
    tmp_path: Path, values: list[object], task: str, classes: tuple[str, ...]
) -> None:
    declaration = proposed(tmp_path, {"x": [*values, *values], "y": [*values, *values]})
    assert (declaration.label.name, declaration.task, declaration.label.classes) == ("y", task, classes)
    if task == "multiclass":
        assert declaration.label.new_classes == "accept"


def test_columns_are_declared_as_all_of_their_rows_show(tmp_path: Path) -> None:
    rows = range(60)
    declaration = proposed(
        tmp_path,
        {
            "zip": [f"{row % 7:05d}" for row in rows],
            "blank": [" " if row == 7 else row / 4 for row in rows],
            "inf": ["inf" if row == 7 else row / 4 for row in rows],
            "thousands": [f"{row * 1000.5:,.2f}" for row in rows],
            "question": ["?" if row % 9 == 0 else row for row in rows],
            "answer": ["yes" if row % 3 else "no" for row in rows],
            "country": [("DE", "FR", "NA", "ZA")[row % 4] for row in rows],
            "y": [row % 2 for row in rows],
        },
    )
    types = {name: field.type for name, field in declaration.fields.items()}
    assert types == {
        "zip": "category",
        "blank": "number",
        "inf": "number",
        "thousands": "number",
        "question": "number",
        "answer": "boolean",
        "country": "category",
    }
    assert declaration.fields["country"].categories == ("DE", "FR", "NA", "ZA")
    assert declaration.fields["question"].missing[-1] == "?"


def test_the_prior_is_that_of_the_sample(tmp_path: Path) -> None:
    assert proposed(tmp_path, {"x": [1, 2, 3, 4], "y": ["a", "b", "b", "b"]}).label.prior == {"a": 0.25, "b": 0.75}
    many = list(range(31))
    assert proposed(tmp_path, {"x": many, "y": [value + 0.5 for value in many]}).label.prior == 15.5


def test_the_label_is_the_last_column_unless_named(tmp_path: Path) -> None:
    columns: dict[str, Sequence[object]] = {"a": [1, 2], "b": [3, 4], "c": [5, 6]}
    assert proposed(tmp_path, columns).label.name == "c"
    named = proposed(tmp_path, columns, label="a")
    assert (named.label.name, set(named.fields)) == ("a", {"b", "c"})
    for wrong in ({"label": "d"}, {"entity": "d"}):
        with pytest.raises(ConsoleFailure, match="no column 'd'; there are a, b, c") as failure:
            proposed(tmp_path, columns, **wrong)
        assert failure.value.status == 2


def test_an_entity_is_never_guessed(tmp_path: Path) -> None:
    columns: dict[str, Sequence[object]] = {
        "customer": ["c1", "c2"] * 50,
        "id": list(range(100)),
        "y": ["no", "yes"] * 50,
    }
    assert proposed(tmp_path, columns).entity is None
    named = proposed(tmp_path, columns, entity="customer")
    assert (named.entity, named.fields["customer"].missing) == ("customer", "refuse")


@pytest.mark.parametrize("time_format", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d %H:%M"])
def test_a_column_of_rising_dates_is_the_time(tmp_path: Path, time_format: str) -> None:
    rising = [(START + timedelta(days=day)).strftime(time_format) for day in range(10)]
    declaration = proposed(tmp_path, {"x": range(10), "when": rising, "y": ["no", "yes"] * 5})
    assert declaration.time.column == "when"
    assert set(declaration.fields) == {"x"}
    for values in (rising[::-1], [*rising[:9], ""], [*rising[:9], "soon"]):
        declaration = proposed(tmp_path, {"x": range(10), "when": values, "y": ["no", "yes"] * 5})
        assert declaration.time.column is None
        assert set(declaration.fields) == {"x", "when"}


def test_the_horizon_lets_labels_be_thousands_of_rows_late(tmp_path: Path) -> None:
    rising = [(START + timedelta(days=day)).isoformat() for day in range(10)]
    declaration = proposed(tmp_path, {"x": range(10), "when": rising, "y": ["no", "yes"] * 5})
    assert declaration.label.horizon >= timedelta(days=5000)
    declaration = proposed(tmp_path, {"x": range(2), "when": ["1452-01-01", "2000-01-01"], "y": ["no", "yes"]})
    assert declaration.label.horizon == timedelta(days=36_500)


def test_ranges_flag_text_stays_open_and_missing_values_are_accepted(tmp_path: Path) -> None:
    declaration = proposed(
        tmp_path,
        {"number": [-2, "", 7.5, "NA"], "word": ["a", "b", "", "null"], "empty": [""] * 4, "y": ["no", "yes"] * 2},
    )
    number, word = declaration.fields["number"], declaration.fields["word"]
    assert (number.type, number.min, number.max, number.outside) == ("number", -2, 7.5, "flag")
    assert (word.type, word.categories, word.outside) == ("category", ("a", "b"), "flag")
    assert {field.missing for field in declaration.fields.values()} == {"accept"}
    assert not declaration.fields["empty"].feature


def test_a_name_for_each_row_is_no_feature(tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(200)]
    declaration = proposed(tmp_path, {"name": names, "x": range(200), "y": ["no", "yes"] * 100})
    assert not declaration.fields["name"].feature
    assert declaration.fields["x"].feature


def test_nothing_to_learn_from_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConsoleFailure, match="the label 'y' is missing in every row"):
        proposed(tmp_path, {"x": [1, 2], "y": ["", "NA"]})
    with pytest.raises(ConsoleFailure, match="no column beside the label 'y' has anything to learn from"):
        proposed(tmp_path, {"x": ["", ""], "y": [1, 2]})
    with pytest.raises(ConsoleFailure, match="no column beside the label"):
        proposed(tmp_path, {"when": ["2024-01-01", "2024-01-02"], "y": [1, 2]})


WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6)
VALUE = st.one_of(WORD, st.floats().map(str), st.integers().map(str), st.just(""), st.dates().map(str))


@settings(max_examples=60)
@given(data=st.data(), rows=st.integers(1, 6), names=st.lists(WORD.map(str.strip), min_size=2, max_size=4, unique=True))
def test_what_is_written_parses_whatever_the_file_holds(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: int, names: list[str]
) -> None:
    columns = {name: data.draw(st.lists(VALUE, min_size=rows, max_size=rows)) for name in names}
    try:
        declaration = proposed(tmp_path_factory.mktemp("init"), columns)
    except ConsoleFailure:
        return
    assert declaration.label.name == names[-1]
