"""Files as users have them: what can be read is read, what cannot is one line that says where and why."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.console.failure import ConsoleFailure
from penstock.console.table.sources.csv_source import LONGEST_LINE, open_csv
from penstock.console.table.sources.quote_check import IrregularQuotes, QuoteCheck
from penstock.console.table.table import open_table

from .failing_command import WrongInputCommand, wrong_input
from .good_file import GOOD, STREAM

__all__ = ["wrong_input"]


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A declaration of the good file."""
    file = tmp_path / "stream.toml"
    file.write_text(STREAM)
    return file


BAD_FILES = {
    "C1 too few columns": (b"a,b,y\n1,2,yes\n3,4\n", ":3: expected 3 columns, found 2"),
    "C1 too many columns": (b"a,b,y\n1,2,yes,5\n", ":2: expected 3 columns, found 4"),
    "C2 unclosed quote": (b'a,b,y\n1,2,yes\n3,"4,no\n5,6,yes\n', ":3: not valid CSV: unexpected end of data"),
    "C3 NUL": (b"a,b,y\n1,2,yes\n3,\x00,no\n", ":3: not valid CSV: a NUL character"),
    "C4 endless line": (b"a,b,y\n" + b"7" * (LONGEST_LINE + 2), ":2: not valid CSV: a line of more than 10,000,000"),
    "C5 UTF-16": (GOOD.encode("utf-16"), ":1: expected UTF-8 text"),
    "C5 Latin-1": ((GOOD * 9).replace("no\na", "n\xed\na", 1).encode("latin-1"), ":3: expected UTF-8 text"),
    "C6 no header": (b"1,2,3\n4,5,6\n", ":1: expected a header with the columns' names, found numbers"),
    "C6 header twice": (b"a,b,a\n1,2,3\n", ":1: the header names 'a' twice"),
    "C6 nameless column": (b"a,,y\n1,2,3\n", ":1: column 2 has no name"),
    "C6 one column": (b"a\n1\n", ":1: expected columns separated by a comma, semicolon, tab or bar"),
    "C9 empty": (b"", ": expected a header and rows, the file is empty"),
    "C9 header only": (b"a,b,y\n", ": expected rows after the header, there are none"),
    "C11 gzip bomb": (
        gzip.compress(b"a,b,y\n" + b"7" * (LONGEST_LINE + 2), 9),
        ":2: not valid CSV: a line of more than 10,000,000",
    ),
    "Excel workbook": (
        b"PK\x03\x04 and more",
        ": expected a CSV file, NDJSON or Parquet; this is a ZIP",
    ),
    "gzip cut short": (gzip.compress(GOOD.encode() * 500)[:-20], ": the file is damaged"),
    "gzip with a flipped bit": (
        bytes(byte ^ (number == 30) for number, byte in enumerate(gzip.compress(GOOD.encode() * 500))),
        ": the file is damaged",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_one_line_that_names_file_and_line(
    tmp_path: Path, stream: Path, wrong_input: WrongInputCommand, case: str
) -> None:
    content, expected = BAD_FILES[case]
    file = tmp_path / "rows.csv"
    file.write_bytes(content)
    for words in (["stream", "init", file, "-o", tmp_path / "new.toml"], ["replay", file, "--stream", stream]):
        message = wrong_input(*words)
        assert message.startswith(f"{file}:"), message
        assert expected in message
    assert not (tmp_path / "new.toml").exists()


def test_a_path_without_a_file_is_one_line(tmp_path: Path, stream: Path, wrong_input: WrongInputCommand) -> None:
    for file in (tmp_path / "absent.csv", tmp_path, Path("/dev/zero")):
        assert wrong_input("replay", file, "--stream", stream).startswith(f"{file}: expected a CSV file")


def test_a_damaged_file_is_found_before_anything_is_sent(
    tmp_path: Path, stream: Path, wrong_input: WrongInputCommand
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(GOOD + "5,6,yes\n" * 1000 + "7,8\n")
    message = wrong_input("replay", file, "--stream", stream, "--in-process")
    assert message == f"{file}:1004: expected 3 columns, found 2"


def test_what_the_declaration_needs_must_be_there(tmp_path: Path, stream: Path, wrong_input: WrongInputCommand) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,y\n1,yes\n")
    message = wrong_input("replay", file, "--stream", stream, "--in-process")
    assert message == f"{file}: the declaration names columns that it lacks: b"
    stream.write_text(STREAM.replace('"number"', '"nombre"', 1))
    assert wrong_input("replay", file, "--stream", stream).startswith(f"{stream}:9: fields.a.type: ")


@pytest.mark.parametrize(
    "words",
    [
        ["--rate", "0"],
        ["--rate", "fast"],
        ["--in-process", "--up"],
        ["--in-process", "--rate", "5"],
        ["--training-delay", "5"],
    ],
)
def test_options_that_cannot_be_are_one_line(
    tmp_path: Path, stream: Path, wrong_input: WrongInputCommand, words: list[str]
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(GOOD)
    assert wrong_input("replay", file, "--stream", stream, *words).startswith("--")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("zipped", [False, True])
def test_common_forms_are_read(tmp_path: Path, delimiter: str, *, zipped: bool) -> None:
    text = ("\ufeff" + GOOD).replace(",", delimiter).replace("\n", "\r\n").encode()
    file = tmp_path / "rows"
    file.write_bytes(gzip.compress(text) if zipped else text)
    table = open_table(file)
    assert table.columns == ("a", "b", "y")
    assert list(table.rows()) == [["1", "2", "yes"], ["3", "4", "no"]]
    assert list(table.first(1).rows()) == [["1", "2", "yes"]]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(max_examples=30)
@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=8))
def test_what_a_writer_wrote_is_what_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    file = tmp_path_factory.mktemp("table") / "rows.csv"
    file.write_bytes(text.getvalue().encode())
    table = open_table(file)
    assert list(table.rows()) == rows
    assert table.count() == len(rows)


@settings(max_examples=50)
@given(content=st.binary(max_size=200).map(lambda tail: b"a,b\n1,2\n" + tail))
def test_no_bytes_are_answered_with_anything_but_rows_or_a_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("table") / "rows.csv"
    file.write_bytes(content)
    try:
        assert all(len(row) == 2 for row in open_table(file).rows())
    except ConsoleFailure as failure:
        assert str(failure).startswith(str(file))  # noqa: PT017 - both ends are right
        assert failure.status == 2  # noqa: PT017


QUOTED = st.text(st.sampled_from('",;\n\r ax1'), max_size=30).map(lambda tail: f"a,b\n{tail}")


@settings(max_examples=200)
@given(
    text=st.one_of(QUOTED, QUOTED.map(lambda text: text.replace(";", '"')), QUOTED.map(lambda text: f"\ufeff{text}"))
)
@example(text='a,b\n1,2\n3,"4\n5,6\n')
@example(text='a,b\n1,2\n3,"4')
def test_both_readers_of_a_csv_file_read_the_same(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("table") / "rows.csv"
    file.write_bytes(text.encode())
    try:
        source = open_csv(file)
    except ConsoleFailure:
        return
    try:
        rows = [row for _, row in source.numbered_rows()]
    except ConsoleFailure:
        with pytest.raises(ConsoleFailure):
            list(source.batches())
        return
    columns = [list(column) for column in zip(*(column_lists(batch) for batch in source.batches()), strict=True)]
    assert [list(chain.from_iterable(column)) for column in columns] == [list(each) for each in zip(*rows, strict=True)]


def column_lists(batch: list[pa.Array]) -> list[list[str]]:
    """The cells of each column of a batch."""
    return [column.to_pylist() for column in batch]


@settings(max_examples=200)
@given(text=QUOTED, size=st.integers(1, 9))
def test_quotes_are_checked_the_same_in_blocks_of_any_size(text: str, size: int) -> None:
    verdicts = []
    for block in (size, len(text)):
        check = QuoteCheck(io.BytesIO(text.encode()), ",")
        while check.read(block):
            pass
        try:
            check.end()
        except IrregularQuotes:
            verdicts.append(False)
        else:
            verdicts.append(True)
    assert verdicts[0] == verdicts[1]


def test_a_file_of_many_blocks_with_an_unclosed_quote_is_one_line(
    tmp_path: Path, wrong_input: WrongInputCommand
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n" + "1,2\n" * 1_000_000 + '3,"4\n' + "5,6\n" * 10)
    message = wrong_input("stream", "init", file, "-o", tmp_path / "new.toml")
    assert message.startswith(f"{file}:1000002: not valid CSV: unexpected end of data")


def test_the_lines_of_rows_count_line_breaks_in_quotes_and_empty_lines(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text('a,b\n1,"two\nlines"\n\n2,x\n3,y\n')
    assert open_table(file).lines_of({0, 2}) == {0: 3, 2: 6}
    assert open_table(file).lines_of(()) == {}


BODY = "n,c,y\n1.5,a,yes\n2.5,b,no\n3.5,a,no\n"


@pytest.mark.parametrize(
    "before", ["\n", "\n\n \n", "sep=,\n", '"sep=,"\r\n', "# made by a program\n", "#\n# of, two\n", "\ufeffsep=,\n"]
)
def test_what_stands_before_the_header_is_no_row(tmp_path: Path, before: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(before + BODY, encoding="utf-8", newline="")
    table = open_table(file)
    assert (table.columns, len(list(table.rows()))) == (("n", "c", "y"), 3)
    assert (table.profiles["n"].kind, table.profiles["n"].rows) == ("number", 3)
    assert table.lines_of([0]) == {0: len(before.splitlines()) + 2}


def test_the_stated_separator_is_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("sep=;\na,b,c;y\n1,5;yes\n2,5;no\n")
    assert open_table(file).columns == ("a,b,c", "y")


def test_a_name_behind_a_hash_is_a_name(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("##version=4\n#chrom\tpos\n1\t5\n2\t6\n")
    assert open_table(file).columns == ("#chrom", "pos")


def test_a_line_of_blanks_is_no_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(BODY + "   \n\n")
    table = open_table(file)
    assert (len(list(table.rows())), table.count()) == (3, 3)


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n6.1,2.0,Iris-virginica\n")
    with pytest.raises(ConsoleFailure, match=r"rows.csv:1: expected a header .* found values that rows have too: 5.1"):
        open_table(file)
    file.write_text(BODY * 2)  # joined files
    assert open_table(file).columns == ("n", "c", "y")
