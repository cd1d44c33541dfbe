"""`stream init`: the declaration that it proposes for a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.console.failure import ConsoleFailure
from penstock.console.init.declaration_text import OTHER_SETTINGS, declaration_text
from penstock.console.init.proposal import Choices
from penstock.console.replay.replay import ReplayOptions, replay_in_process
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream import MISSING_TEXTS
from penstock.contracts.declaration.stream_file import parse_declaration

from .proposals import notes_of, proposal_for, proposed

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["no", "yes"], "binary", ("no", "yes")),
        (["yes", "no", "yes"], "binary", ("yes", "no")),
        ([1, 0, 0], "binary", ("0", "1")),
        ([3, 17], "binary", ("17", "3")),
        ([0.25, 0.75], "binary", ("0.25", "0.75")),
        (["1", "1.0", "0"], "binary", ("1", "0")),
        (["a", "b", "c"], "multiclass", ("a", "b", "c")),
        (["1", "2", "x"], "multiclass", ("1", "2", "x")),
        (list(range(20)), "multiclass", tuple(sorted(map(str, range(20))))),
        (list(range(21)), "regression", ()),
        ([1, 2, 3.5], "regression", ()),
        (["007", "7", "1.1", "1.10"], "multiclass", ("007", "1.1", "1.10", "7")),
        (["12E5", "1200000"], "binary", ("1200000", "12E5")),
        (["EU", "APAC", "NA"], "multiclass", ("APAC", "EU", "NA")),
        (["Yes", "No", "No", "No", "NA"], "binary", ("No", "Yes")),
        (["True", "False"], "binary", ("false", "true")),
        (["1,50", "2,00", "2,25"], "regression", ()),
        (["3,0", "4,0"], "binary", ("3", "4")),
        (["1", "2"], "binary", ("1", "2")),
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


def test_the_prior_is_that_of_the_first_tenth(tmp_path: Path) -> None:
    classes = ["a", "b", "b", "b"] + ["c"] * 36
    prior = {"a": 0.266667, "b": 0.666667, "c": 0.066667}
    assert proposed(tmp_path, {"x": range(40), "y": classes}).label.prior == prior
    many = list(range(50))
    assert proposed(tmp_path, {"x": many, "y": [value + 0.5 for value in many]}).label.prior == 2.5


def test_labels_after_the_first_tenth_change_nothing(tmp_path: Path) -> None:
    rows = 3000
    shops = [row * 7 % 30 for row in range(rows)]
    late = [("no", "yes")[row % 2] for row in range(rows - 300)]
    early = [("no", "yes")[row % 2] for row in range(300)]
    columns = {"shop": [f"s{shop}" for shop in shops], "x": [row * 17 % 101 for row in range(rows)]}
    first = proposal_for(tmp_path, columns | {"copy": early + late, "y": early + late})
    other = proposal_for(tmp_path, columns | {"copy": early + late, "y": early + late[1:] + late[:1]})
    assert declaration_text(first) == declaration_text(other)
    assert first.history_keys == other.history_keys
    assert "knows the label" in notes_of(first)["copy"]


def test_the_label_is_the_last_column_unless_named(tmp_path: Path) -> None:
    columns: dict[str, Sequence[object]] = {"a": [1, 2], "b": [3, 4], "c": [5, 6]}
    assert proposed(tmp_path, columns).label.name == "c"
    named = proposed(tmp_path, columns, label="a")
    assert (named.label.name, set(named.fields)) == ("a", {"b", "c"})
    for wrong in ({"label": "d"}, {"entity": "d"}):
        with pytest.raises(ConsoleFailure, match="no column 'd'; there are a, b, c") as failure:
            proposed(tmp_path, columns, **wrong)
        assert failure.value.status == 2
    with pytest.raises(ConsoleFailure, match=r"no column 'Custmer'; did you mean customer\?"):
        proposed(tmp_path, {"customer": [1, 2], "b": [3, 4]}, entity="Custmer")


@pytest.mark.parametrize(
    ("columns", "label", "reason"),
    [
        ({"Target": [1, 2, 3], "x": [5, 6, 7]}, "Target", "its name says so"),
        ({"y": [1, 2, 3], "label": [5, 6, 7], "z": [3, 5, 6]}, "z", "the last column"),
        ({"x": [1, 2, 3], "z": [3, 5, 6], "one": [1, 1, 1]}, "z", "the last column that can be one"),
    ],
)
def test_the_label_is_guessed_and_said_to_be(
    tmp_path: Path, columns: dict[str, Sequence[object]], label: str, reason: str
) -> None:
    proposal = proposal_for(tmp_path, columns)
    assert (proposal.document["label"]["name"], proposal.label_reason) == (label, reason)
    assert f"# a guess: {reason}" in declaration_text(proposal)
    assert proposal_for(tmp_path, columns, Choices(label=label)).label_reason == ""


def test_an_entity_is_never_guessed(tmp_path: Path) -> None:
    columns: dict[str, Sequence[object]] = {
        "customer": ["c1", "c2"] * 50,
        "id": list(range(100)),
        "y": ["no", "yes"] * 50,
    }
    assert proposed(tmp_path, columns).entity is None
    named = proposed(tmp_path, columns, entity="customer")
    assert (named.entity, named.fields["customer"].missing) == ("customer", "refuse")


def test_a_column_whose_name_no_field_can_have_is_left_out_and_says_so(tmp_path: Path) -> None:
    columns = {'size (")': range(10), "x": range(10), "y": ["no", "yes"] * 5}
    proposal = proposal_for(tmp_path, columns)
    assert set(parse_declaration(declaration_text(proposal)).fields) == {"x"}
    assert notes_of(proposal)['size (")'].startswith("rename it")


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
    with pytest.raises(ConsoleFailure, match="the label 'y' is '7' in all 2 rows that have one: nothing to predict"):
        proposed(tmp_path, {"x": [1, 2, 3], "y": [7, "", 7]})
    with pytest.raises(ConsoleFailure, match="the label 'y' has more than 1,000 different texts"):
        proposed(tmp_path, {"x": range(1001), "y": [f"n{row}" for row in range(1001)]}, label="y")
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
    assert declaration.label.name in names


def test_columns_have_notes_on_what_was_found(tmp_path: Path) -> None:
    rows = range(1000)
    proposal = proposal_for(
        tmp_path,
        {
            "order_id": rows,
            "name": [f"n{row}" for row in rows],
            "const": ["x"] * 1000,
            "zip": [f"{row % 90:05d}" for row in rows],
            "odd": ["inf" if row == 8 else row / 4 for row in rows],
            "age": [-999 if row % 100 == 0 else row % 60 for row in rows],
            "state": ["unknown" if row % 10 == 0 else "ok" for row in rows],
            "day": [f"{row % 12 + 1:02d}.{row % 11 + 1:02d}.2024" for row in rows],
            "outcome": ["bad" if row % 20 == 0 else "good" for row in rows],
            "loss": [row % 7 + 1 if row % 20 == 0 else 0 for row in rows],
            "copy": [row % 20 == 0 for row in rows],
        },
        Choices(label="outcome"),
    )
    notes = notes_of(proposal)
    assert notes["order_id"] == "looks like an id: no feature"
    assert notes["name"] == "looks like an id: no feature"
    assert notes["const"] == "constant"
    assert notes["zip"] == "codes, kept as text (leading zeros: 00000)"
    assert notes["odd"] == 'refused: line 10 (row 8): "inf"'
    assert notes["age"] == 'may be missing: "-999" 10 times'
    assert notes["state"] == 'may be missing: "unknown" 100 times'
    assert "could be" in notes["day"]
    assert "--time takes them" in notes["day"]
    assert notes["outcome"] == "rare positive class: bad, 5 %"
    assert notes["loss"] == "knows the label (100.0%): known before it?"
    assert notes["copy"] == "knows the label: a copy of it, so no feature"
    features = {column.name for column in proposal.columns if column.field.get("feature", True) and column.field}
    assert features == {"const", "zip", "odd", "age", "state", "day", "loss"}


def test_what_can_be_nothing_but_missing_is_declared_so_and_said(tmp_path: Path) -> None:
    answers = ["yes", "no", "unknown", "no"] * 10
    proposal = proposal_for(tmp_path, {"answer": answers, "x": range(40), "y": answers})
    declaration = parse_declaration(declaration_text(proposal))
    assert declaration.label.classes == ("no", "yes")
    assert declaration.label.missing == (*MISSING_TEXTS, "unknown")
    assert declaration.fields["answer"].missing == (*MISSING_TEXTS, "unknown")
    assert 'missing: "unknown" 10 times' in notes_of(proposal)["answer"]


def test_named_columns_have_their_roles(tmp_path: Path) -> None:
    rows = range(100)
    columns: dict[str, Sequence[object]] = {
        "key": [f"k{row}" for row in rows],
        "shop": [f"s{row % 5}" for row in rows],
        "seconds": [1_700_000_000 + row * 37 % 100 for row in rows],
        "x": [row / 3 for row in rows],
        "y": [("no", "yes")[row % 2] for row in rows],
    }
    proposal = proposal_for(tmp_path, columns, Choices(entity="shop", time="seconds", id="key"))
    roles = {column.name: column.role for column in proposal.columns}
    assert roles == {"key": "id", "shop": "entity", "seconds": "time", "x": "field", "y": "label"}
    assert "rows late: replayed in file order" in notes_of(proposal)["seconds"]
    declaration = parse_declaration(declaration_text(proposal))
    assert (declaration.time.column, declaration.time.format) == ("seconds", "epoch-seconds")
    assert set(declaration.fields) == {"shop", "x"}
    for wrong, message in (("x", "expected times, found numbers such as"), ("shop", "found text such as 's0'")):
        with pytest.raises(ConsoleFailure, match=message):
            proposal_for(tmp_path, columns, Choices(time=wrong))
    with pytest.raises(ConsoleFailure, match="name one column each"):
        proposal_for(tmp_path, columns, Choices(time="seconds", id="seconds"))


def test_every_setting_in_the_comments_is_one(tmp_path: Path) -> None:
    columns: dict[str, Sequence[object]] = {"REGION": ["a", "b"] * 9, "y": ["no", "yes"] * 9}
    text = declaration_text(proposal_for(tmp_path, columns))
    settings = [line for lines in OTHER_SETTINGS.values() for line, _ in lines]
    set_text = re.sub(rf"^# (?=\[|{'|'.join(map(re.escape, settings))})", "", text, flags=re.MULTILINE)
    assert set_text.count("\n# ") < text.count("\n# ") - len(settings)
    declaration = parse_declaration(set_text)
    assert (declaration.slices, declaration.on_gap, declaration.retrain.cron) == (("REGION",), "hold", "0 3 * * *")


ODD_CELLS = st.sampled_from(
    [
        "",
        " ",
        "NA",
        "unknown",
        "-999",
        "007",
        "1.10",
        "1e5",
        "true",
        "no",
        "ok",
        "2024-03-01",
        "€5",
        '"',
        "#",
        "\U0001f600",
    ]
)


# beyond 1e100 a number is refused
CELL = st.one_of(ODD_CELLS, WORD, st.floats(-1e100, 1e100).map(str), st.integers().map(str), st.dates().map(str))


@settings(max_examples=15)
@given(
    data=st.data(),
    rows=st.integers(2, 40),
    names=st.lists(WORD.map(str.strip).filter(bool), min_size=2, max_size=4, unique=True),
)
def test_a_replay_accepts_the_rows_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: int, names: list[str]
) -> None:
    columns = {name: data.draw(st.lists(CELL, min_size=rows, max_size=rows)) for name in names[:-1]}
    columns[names[-1]] = data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=rows, max_size=rows))
    folder = tmp_path_factory.mktemp("replayed")
    try:
        proposal = proposal_for(folder, columns, Choices(label=names[-1]))
    except ConsoleFailure:
        return
    table = open_table(proposal.path)
    refused = sum(table.profiles[name].exception_count for name in names)
    options = ReplayOptions(table, parse_declaration(declaration_text(proposal)), delay=5)
    report = asyncio.run(replay_in_process(options, lambda _: None)).report
    assert report.accepted >= rows - refused


def test_the_positive_class_is_named_and_costs_can_be_declared_as_the_comment_says(tmp_path: Path) -> None:
    labels = ["O'k"] * 90 + ['bad "1"'] * 10
    text = declaration_text(proposal_for(tmp_path, {"x": [str(n) for n in range(100)], "y": labels}))
    assert parse_declaration(text).positive_class == 'bad "1"'
    lines = [line for line in text.splitlines() if not line.startswith("metric = ")]
    switched = "\n".join(line.removeprefix("# ") if line[:9] in ("# metric ", "# costs =") else line for line in lines)
    objective = parse_declaration(switched).objective
    assert objective is not None
    assert objective.costs == {'bad "1"': {"O'k": 50.0}, "O'k": {'bad "1"': 1.0}}


def test_a_regression_has_no_comment_on_costs(tmp_path: Path) -> None:
    numbers = [f"{n}.5" for n in range(100)]
    assert "costs" not in declaration_text(proposal_for(tmp_path, {"x": numbers, "y": numbers}))
