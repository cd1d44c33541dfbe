"""What a column is found to hold, from all of its cells."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.console.table.column_profile import ColumnProfile
from penstock.console.table.kept_texts import label_profile
from penstock.console.table.sources.csv_source import BATCH_ROWS
from penstock.console.table.table import open_table
from penstock.console.table.value_counts import MOST_DISTINCT

ROWS = 60
START = datetime(2024, 1, 1, tzinfo=UTC)
FLOATS = [f"{37 * row % 61 + row / 64:.3f}" for row in range(ROWS)]
DAYS = [START + timedelta(days=row) for row in range(ROWS)]
HOURS = [START + timedelta(hours=row) for row in range(ROWS)]


def profile(folder: Path, values: Sequence[object], **others: Sequence[object]) -> ColumnProfile:
    """The profile of a column `x`, in a file with the others."""
    file = folder / "rows.csv"
    columns = {"x": values, "other": ["word"] * len(values), **others}
    with file.open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([columns.keys(), *zip(*columns.values(), strict=True)])
    return open_table(file).profiles["x"]


def with_odd(values: Sequence[str], odd: str) -> list[str]:
    """The values with one odd cell in row 7."""
    return [*values[:7], odd, *values[8:]]


def repeated(*values: str) -> list[str]:
    """The values over and over."""
    return [values[row % len(values)] for row in range(ROWS)]


KINDS: dict[str, tuple[Sequence[str], str]] = {
    "numbers": (FLOATS, "number"),
    "whole numbers": ([str(row % 17) for row in range(ROWS)], "integer"),
    "0 and 1": (repeated("0", "1"), "integer"),
    "thousands": ([f"{1234 * row + 1000:,}" for row in range(ROWS)], "integer"),
    "currency": ([f"${value}" for value in FLOATS], "number"),
    "shares": ([f"{value} %" for value in FLOATS], "number"),
    "decimal commas": ([value.replace(".", ",") for value in FLOATS], "number"),
    "small numbers": ([f"{row * 1.7e-5:e}" for row in range(ROWS)], "number"),
    "signed numbers": (repeated("+1.5", "-0.5", "+0.25"), "number"),
    "halves, written both ways": ([f"{row / 2:.{1 + row % 2}f}" for row in range(ROWS)], "number"),
    "prices": (repeated("2.50", "3", "4.25"), "number"),
    "leading zeros": ([f"{997 * row:05d}" for row in range(ROWS)], "text"),
    "one leading zero": (with_odd([str(row + 100) for row in range(ROWS)], "007"), "text"),
    "underscores": (repeated("1_000", "2_000"), "text"),
    "exponents in codes": ([f"{row + 1}E{row % 5}" for row in range(ROWS)], "text"),
    "versions": (repeated("1.1", "1.10", "1.2"), "text"),
    "versions that do not merge": (repeated("1.9", "1.10", "1.2"), "text"),
    "large integers": ([str(2**53 + 1 + row) for row in range(ROWS)], "text"),
    "hexadecimal": (repeated("0x1F", "0x20"), "text"),
    "suffixes": (repeated("1L", "2L"), "text"),
    "words for no number": (repeated("infinity", "inf"), "text"),
    "telephones": ([f"+4915112{row:06d}" for row in range(ROWS)], "text"),
    "two currencies": (repeated("€1", "$2"), "text"),
    "addresses": ([f"10.0.0.{row}" for row in range(ROWS)], "text"),
    "booleans": (repeated("true", "false"), "boolean"),
    "booleans in capitals": (repeated("TRUE", "FALSE"), "boolean"),
    "answers": (repeated("Yes", "No", "NA"), "boolean"),
    "one answer": (["True"] * ROWS, "boolean"),
    "letters for answers": (repeated("t", "f"), "boolean"),
    "one letter": (repeated("t", "t"), "text"),
    "ISO": ([time.isoformat() for time in HOURS], "time"),
    "ISO in a zone": ([time.replace(tzinfo=None).isoformat(" ") + "+02:00" for time in HOURS], "time"),
    "slashes": ([f"{time:%Y/%m/%d}" for time in DAYS], "time"),
    "day first": ([f"{time:%d.%m.%Y}" for time in DAYS], "time"),
    "month first": ([f"{time:%m/%d/%Y %I:%M %p}" for time in DAYS], "time"),
    "seconds since 1970": ([str(int(time.timestamp())) for time in HOURS], "time"),
    "milliseconds since 1970": ([str(int(time.timestamp() * 1000)) for time in HOURS], "time"),
    "booleans beside 1": (repeated("True", "true", "FALSE", "0", "1"), "boolean"),
    "whole numbers, one padded": ([" 5" if row == 7 else str(row % 17) for row in range(ROWS)], "integer"),
    "whole numbers, one with a plus": (["+5" if row == 7 else str(row % 17) for row in range(ROWS)], "integer"),
    "whole numbers, one with an exponent": (["1e1" if row == 7 else str(row % 17) for row in range(ROWS)], "integer"),
    "amounts in brackets": (repeated("$1,200.00", "($200.50)", "$7"), "number"),
    "minus signs": (repeated("\u22121.5", "2.5", "\u22123"), "number"),
    "shares beside numbers": (repeated("5%", "0.05", "0.07"), "text"),
    "nothing": ([""] * ROWS, "empty"),
    "missing values": (["NA"] * ROWS, "empty"),
}


@pytest.mark.parametrize("case", KINDS)
def test_the_kind_of_a_column(tmp_path: Path, case: str) -> None:
    values, kind = KINDS[case]
    assert profile(tmp_path, values).kind == kind


@pytest.mark.parametrize("odd", ["many", "12,50", "inf", "-inf", "1e400", "nAn.", "5%", "(5)"])
def test_one_odd_cell_is_named_and_turns_no_column_into_text(tmp_path: Path, odd: str) -> None:
    found = profile(tmp_path, with_odd(FLOATS, odd))
    assert (found.kind, found.exception_count) == ("number", 1)
    assert [(cell.row, cell.line, cell.text) for cell in found.exceptions] == [(7, 9, odd)]


@pytest.mark.parametrize("odd", [" ", "1,234.50", "€12.5", "12.5 €", "1e-05", "\u22125", "(5.00)", "NA", "n/a"])
def test_a_cell_written_in_another_way_is_read(tmp_path: Path, odd: str) -> None:
    found = profile(tmp_path, with_odd(FLOATS, odd))
    assert (found.kind, found.exception_count) == ("number", 0)
    assert (found.missing, dict(found.disguised)) == (odd in (" ", "NA"), {"n/a": 1} if odd == "n/a" else {})


def test_an_exception_far_down_is_named_with_its_line(tmp_path: Path) -> None:
    values = [str(row) for row in range(BATCH_ROWS * 3)]
    values[25_000] = "many"
    (cell,) = profile(tmp_path, values).exceptions
    assert (cell.row, cell.line, cell.text) == (25_000, 25_002, "many")


def test_missing_values_are_counted_in_columns_with_texts_beyond_number(tmp_path: Path) -> None:
    texts = [f"user{row}" for row in range(60_000)]
    texts[7], texts[50_000:50_010], texts[55_000] = "", ["NA"] * 5 + [" "] * 5, "unknown"
    found = profile(tmp_path, texts)
    assert (found.kind, found.missing, dict(found.missing_texts)) == ("text", 11, {"NA": 5})
    assert dict(found.disguised) == {"unknown": 1}
    assert found.distinct == MOST_DISTINCT + 1
    words = profile(tmp_path, [f"word{row % 3000}" if row % 100 else "" for row in range(90_000)])
    assert (words.distinct, words.missing, sum(words.counts.values())) == (2970, 900, 89_100)


def test_more_than_a_few_odd_cells_make_text(tmp_path: Path) -> None:
    assert profile(tmp_path, [value if row % 10 else "many" for row, value in enumerate(FLOATS)]).kind == "text"


def test_the_decimal_sign_is_that_of_the_file_where_a_column_leaves_it_open(tmp_path: Path) -> None:
    open_values = [f"{row + 1},{row * 13 % 1000:03d}" for row in range(ROWS)]
    decimal_commas = [value.replace(".", ",") for value in FLOATS]
    assert profile(tmp_path, open_values).maximum == pytest.approx(60_767)
    assert profile(tmp_path, open_values, z=decimal_commas).maximum == pytest.approx(60.767)
    points = [value.replace(",", ".") for value in open_values]
    assert profile(tmp_path, points).maximum == pytest.approx(60.767)
    assert profile(tmp_path, points, z=decimal_commas).maximum == pytest.approx(60_767)
    assert profile(tmp_path, points).ambiguous == "decimal commas"


def test_day_and_month_are_told_apart_by_the_column_or_by_its_order(tmp_path: Path) -> None:
    for form, name in (("%d/%m/%Y", "day-first"), ("%m/%d/%Y", "month-first")):
        found = profile(tmp_path, [f"{time:{form}}" for time in DAYS])
        assert (found.time_format, found.ambiguous, found.rising) == (name, "", True)
    early = [time for time in DAYS if time.day <= 12]
    for form, name in (("%d/%m/%Y", "day-first"), ("%m/%d/%Y", "month-first")):
        found = profile(tmp_path, [f"{time:{form}}" for time in early])
        assert (found.time_format, found.rising) == (name, True)
        assert found.ambiguous == {"day-first": "month-first", "month-first": "day-first"}[name]


FORMS: dict[str, tuple[str, str]] = {
    "%d.%m.%y": ("day-first", "year-first"),
    "%m/%d/%y": ("month-first", ""),
    "%y-%m-%d": ("year-first", "day-first"),
    "%d %b %Y": ("month-name", ""),
    "%d-%b-%y": ("month-name", ""),
    "%b %d, %Y": ("month-name", ""),
    "%A, %B %d, %Y %I:%M %p": ("month-name", ""),
    "%Y%m%d": ("yyyymmdd", ""),
    "%Y%m%d%H%M": ("yyyymmdd", ""),
    "%Y%m%dT%H%M%S": ("yyyymmdd", ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_times_in_other_forms_are_read_as_the_column_shows(tmp_path: Path, form: str) -> None:
    found = profile(tmp_path, [f"{time:{form}}" for time in DAYS])
    assert (found.kind, found.rising, found.exception_count) == ("time", True, 0)
    assert (found.time_format, found.ambiguous) == FORMS[form]
    assert (found.minimum, found.maximum) == (DAYS[0], DAYS[-1])


@pytest.mark.parametrize("unit", ["seconds", "milliseconds", "microseconds", "nanoseconds"])
def test_numbers_since_1970_are_read_in_their_unit(tmp_path: Path, unit: str) -> None:
    scale = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}[unit]
    texts = [str(int(time.timestamp()) * scale) for time in HOURS]
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(["ts,code", *(f"{text},{text}" for text in texts)]) + "\n")
    called, other = open_table(file).profiles.values()
    assert (called.kind, called.time_format) == ("time", f"epoch-{unit}")
    assert (called.minimum, called.maximum) == (HOURS[0], HOURS[-1])
    assert (other.kind == "time") == (unit != "nanoseconds"), "ids of that length rise, too"


def test_years_of_two_digits_are_read_where_order_shows_them(tmp_path: Path) -> None:
    few = [f"{time:%y-%m-%d}" for time in DAYS[11:28]]
    found = profile(tmp_path, few)
    assert (found.time_format, found.ambiguous) == ("year-first", "day-first")
    assert profile(tmp_path, repeated("1.10.12", "1.9.11", "1.10.13")).kind == "text", "versions"


def test_numbers_of_eight_digits_are_dates_only_where_all_are(tmp_path: Path) -> None:
    days = [f"{time:%Y%m%d}" for time in DAYS]
    odd = profile(tmp_path, with_odd(days, "20240231"))
    assert (odd.kind, [cell.text for cell in odd.exceptions]) == ("time", ["20240231"])
    assert profile(tmp_path, [str(20_240_101 + 7 * row) for row in range(ROWS)]).kind == "integer"
    assert profile(tmp_path, days[::-1]).kind == "integer", "neither rising nor called a time"


def test_a_few_rows_out_of_order_still_rise(tmp_path: Path) -> None:
    texts = [time.isoformat() for time in HOURS]
    found = profile(tmp_path, [*texts[:20], texts[18], *texts[20:-1]])
    assert (found.rising, found.late) == (True, 1)
    assert not profile(tmp_path, texts[::-1]).rising
    assert not profile(tmp_path, [str(row % 24) for row in range(ROWS)]).rising


def test_na_is_a_value_where_it_is_frequent_among_texts(tmp_path: Path) -> None:
    countries = profile(tmp_path, repeated("DE", "FR", "NA", "ZA"))
    assert (countries.missing, dict(countries.kept_texts), countries.distinct) == (0, {"NA": 15}, 4)
    rare = profile(tmp_path, with_odd(repeated("north", "south"), "NA"))
    assert (rare.missing, dict(rare.missing_texts), rare.distinct) == (1, {"NA": 1}, 2)
    numbers = with_odd(FLOATS, "NA")
    beside_numbers = profile(tmp_path, repeated("north", "south", "NA"), z=numbers)
    assert dict(beside_numbers.missing_texts) == {"NA": 20}, "the file writes NA for missing numbers too"
    assert dict(profile(tmp_path, repeated("DE", "FR", "NA", "ZA"), z=numbers).kept_texts) == {"NA": 15}


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (repeated("EU", "APAC", "NA"), True),
        (repeated("EU", "APAC", "LATAM", "EU", "APAC", "LATAM", "EU", "NA"), True),
        (repeated("low", "high", "mid", "NA"), True),
        (repeated("Yes", "No", "No", "No", "NA"), False),
        (repeated("pass", "fail", "fail", "pass", "fail", "fail", "NA"), False),
    ],
)
def test_na_is_a_class_only_where_it_plainly_is_one(tmp_path: Path, values: list[str], *, kept: bool) -> None:
    label = label_profile(profile(tmp_path, values))
    assert bool(label.kept_texts) == kept
    assert ("NA" in label.counts) == kept
    assert label.missing == (0 if kept else values.count("NA"))


def test_values_in_disguise_are_pointed_out(tmp_path: Path) -> None:
    many = [str(row % 20) if row % 7 else "-1" for row in range(ROWS)]
    assert dict(profile(tmp_path, many).disguised) == {"-1": 9}
    assert dict(profile(tmp_path, [*FLOATS[:50], *["-999"] * 10]).disguised) == {"-999": 10}
    assert dict(profile(tmp_path, repeated("unknown", "a", "b")).disguised) == {"unknown": 20}
    question = profile(tmp_path, [value if row % 5 else "?" for row, value in enumerate(FLOATS)])
    assert (question.kind, dict(question.disguised), question.exception_count) == ("number", {"?": 12}, 0)
    assert not profile(tmp_path, repeated("-1", "1")).disguised


CELLS = st.one_of(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6), st.floats().map(str))


@settings(max_examples=40, deadline=None)
@given(cells=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=40))
def test_a_profile_counts_the_rows_that_are_read(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    with file.open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([["x", "y"], *cells])
    table = open_table(file)
    rows = list(table.rows())
    assert rows == [list(each) for each in cells]
    for index, found in enumerate(table.profiles.values()):
        assert found.rows == len(rows)
        texts = [row[index] for row in rows]
        blank = sum(not text.strip() for text in texts)
        assert found.missing == blank + sum(found.missing_texts.values())
        if found.kind == "text":
            assert sum(found.counts.values()) == found.values
        if found.number_format is not None:
            readable = sum(found.number_format.parse(text) is not None for text in texts)
            assert found.exception_count + readable + found.missing + sum(
                count for text, count in found.disguised.items() if found.number_format.parse(text) is None
            ) == len(rows)
