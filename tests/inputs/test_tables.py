"""Bad files of rows: one line with file, line and what was expected, exit status 2, and nothing sent of them."""

from __future__ import annotations

import gzip
import io
import json
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.rows.labelled_rows import FileRows
from penstock.console.table.sources.csv_source import LONGEST_LINE
from penstock.console.table.table import open_table
from penstock.contracts.declaration.stream_file import parse_declaration
from services.console.tests.failing_command import WrongInputCommand, wrong_input
from services.console.tests.good_file import GOOD, STREAM

from .rows import rows

__all__ = ["wrong_input"]

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
ENDLESS = b"a,b,y\n" + b"7" * (LONGEST_LINE + 2)


def parquet(table: pa.Table) -> bytes:
    """The table as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def nested(depth: int) -> pa.Array:
    """One value in so many lists."""
    array = pa.array([1])
    for _ in range(depth):
        array = pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array)
    return array


class PickledType(pa.ExtensionType):  # type: ignore[misc]
    """An extension type whose metadata would be unpickled by an old reader."""

    def __init__(self) -> None:
        super().__init__(pa.int64(), "arrow.py_extension_type")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"cos\nsystem\n(S'exit 99'\ntR."

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> PickledType:
        raise AssertionError("the metadata of a file was executed")


WHOLE = parquet(pa.table({"a": [1, 2], "b": [3, 4], "y": ["yes", "no"]}))
EXTENDED = pa.table({"a": pa.ExtensionArray.from_storage(PickledType(), pa.array([1, 2])), "y": ["no", "yes"]})
BOMB = pa.table({"a": pa.array(["x" * 1_000_001] * 1000).dictionary_encode(), "b": range(1000), "y": ["no"] * 1000})

FILES: dict[str, list[tuple[bytes, str]]] = {
    "C1 ragged row": [
        (b"a,b,y\n1,2,yes\n3,4\n", ":3: expected 3 columns, found 2"),
        (b"a,b,y\n1,2,yes,5\n", ":2: expected 3 columns, found 4"),
    ],
    "C2 unclosed quote": [(b'a,b,y\n1,2,yes\n3,"4,no\n5,6,yes\n', ":3: not valid CSV: unexpected end of data")],
    "C3 NUL byte": [(b"a,b,y\n1,2,yes\n3,\x00,no\n", ":3: not valid CSV: a NUL character")],
    "C4 endless line": [(ENDLESS, ":2: not valid CSV: a line of more than 10,000,000")],
    "C5 another encoding": [
        (GOOD.encode("utf-16"), ":1: expected UTF-8 text, this is UTF-16; save the file as UTF-8: iconv -f UTF-16 "),
        ((GOOD * 9).replace("no\na", "n\xed\na", 1).encode("latin-1"), ":3: expected UTF-8 text"),
    ],
    "C9 no rows": [
        (b"", ": expected a header and rows, the file is empty"),
        (b"a,b,y\n", ": expected rows after the header, there are none"),
    ],
    "C11 gzip bomb": [(gzip.compress(ENDLESS, 9), ":2: not valid CSV: a line of more than 10,000,000")],
    "C12 Parquet": [
        (b"PAR0" + WHOLE[4:], ":1: "),
        (WHOLE[:-20], ": not valid Parquet: "),
        (WHOLE[:-8] + struct.pack("<I", 1 << 31) + b"PAR1", ": not valid Parquet: "),
        (
            parquet(pa.table({"a": nested(1000), "b": [1], "y": ["no"]})),
            ": not valid Parquet: Parquet schema too deeply",
        ),
        (parquet(pa.table({"a": nested(10), "b": [1], "y": ["no"]})), ": column 'a' holds list<"),
        (parquet(BOMB), ": column 'a': a text of more than 1,000,000 bytes"),
        (parquet(pa.table({"a": [b"\x00"], "b": [1], "y": ["no"]})), ": column 'a' holds binary; expected numbers"),
        (parquet(pa.table({"a": [1]})), ": expected several columns, found one, 'a'"),
        (parquet(pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.int64())})), ": expected rows"),
    ],
    "C13 Arrow extension type": [(parquet(EXTENDED.select(["a"])), ": expected several columns")],
}


def test_parquet_values_of_any_size_are_read_or_kept_as_text(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    largest = pa.array([2**63 - 1], pa.timestamp("ns"))
    pq.write_table(pa.table({"a": pa.array([Decimal(10**37)], pa.decimal128(38)), "t": largest}), file)
    ((digits, time),) = open_table(file).rows()
    assert (digits, time.year) == (str(10**37), 2262)


def test_parquet_extension_type_is_read_as_what_it_stores(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    file.write_bytes(parquet(EXTENDED))
    assert list(open_table(file).rows()) == [[1, "no"], [2, "yes"]]


@rows(FILES)
def test_a_bad_file_is_one_line(tmp_path: Path, wrong_input: WrongInputCommand, row: list[tuple[bytes, str]]) -> None:
    stream, file = tmp_path / "stream.toml", tmp_path / "rows.csv"
    stream.write_text(STREAM)
    for content, expected in row:
        file.write_bytes(content)
        for words in (["stream", "init", file, "-o", tmp_path / "new.toml"], ["replay", file, "--stream", stream]):
            message = wrong_input(*words)
            assert message.startswith(f"{file}:"), message
            assert expected in message
    assert not (tmp_path / "new.toml").exists()
    file.write_text(GOOD)
    assert len(list(open_table(file).rows())) == 2


def test_c6_a_header_names_each_column_once_in_any_order(tmp_path: Path, wrong_input: WrongInputCommand) -> None:
    stream, file = tmp_path / "stream.toml", tmp_path / "rows.csv"
    stream.write_text(STREAM)
    for text, expected in (
        ("1,2,3\n4,5,6\n", ":1: expected a header with the columns' names, found numbers"),
        ("a,b,a\n1,2,3\n", ":1: the header names 'a' twice"),
        ("a,,y\n1,2,3\n", ":1: column 2 has no name; name it, or remove it from every row"),
        ("a,y\n1,yes\n", ": the declaration names columns that it lacks: b"),
    ):
        file.write_text(text)
        assert wrong_input("replay", file, "--stream", stream, "--in-process") == f"{file}{expected}"
    events = []
    for text in (GOOD, "y,b,a\nyes,2,1\nno,4,3\n"):
        file.write_text(text)
        rows_read = FileRows(open_table(file), parse_declaration(STREAM), "test").rows()
        events.append([(json.loads(each.event)["data"], each.label) for each in rows_read])
    assert events[0] == events[1] == [({"a": 1, "b": 2}, "yes"), ({"a": 3, "b": 4}, "no")]


async def test_c8_a_cell_that_is_no_number_costs_its_row_alone(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b,y\n1,2,yes\nmuch,4,no\n1e400,6,yes\n5,inf,no\n" + "7,8,yes\n" * 21)
    table = FileRows(open_table(file), parse_declaration(STREAM), "test")
    odd = {name: [(cell.line, cell.text) for cell in table.table.profiles[name].exceptions] for name in "ab"}
    assert odd == {"a": [(3, "much"), (4, "1e400")], "b": [(5, "inf")]}
    async with in_process_deployment(table.declaration) as deployment:
        refusals = await deployment.send("event", [each.event for each in table.rows()], NOW)
        await deployment.await_quiet()
        await deployment.watch.read_to_end()
        assert [(each.index, each.reason.field) for each in refusals] == [(1, "a"), (2, "a"), (3, "b")]
        assert len(deployment.watch.predictions) == 22


async def test_c14_a_replay_that_is_started_again_doubles_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b,y\n" + "".join(f"{n},{n % 5},{'yes' if n % 2 else 'no'}\n" for n in range(40)))
    declaration = parse_declaration(STREAM)
    async with in_process_deployment(declaration) as deployment:
        for end in (20, 40):
            sent = list(FileRows(open_table(file), declaration, "test").rows())[:end]
            assert await deployment.send("event", [each.event for each in sent], NOW) == []
            await deployment.await_quiet()
        await deployment.watch.read_to_end()
        assert set(deployment.watch.predictions) == {each.id for each in sent}
        assert dict(deployment.watch.rejections) == {}
        events = deployment.log.records_of(("penstock.things.events", 0))
        assert len(events) == len(sent)


async def test_c15_rows_whose_clock_runs_backwards_are_all_predicted(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    times = [(NOW - timedelta(hours=n)).isoformat() for n in range(40)]
    file.write_text("t,a,b,y\n" + "".join(f"{time},1,2,yes\n" for time in times))
    declaration = parse_declaration(STREAM + '[time]\ncolumn = "t"\n')
    table = FileRows(open_table(file), declaration, "test")
    async with in_process_deployment(declaration) as deployment:
        sent = list(table.rows())
        assert await deployment.send("event", [each.event for each in sent], NOW) == []
        labels = [table.label_of(each, NOW) for each in sent]
        assert await deployment.send("label", labels, NOW) == []
        await deployment.await_quiet()
        await deployment.watch.read_to_end()
        assert set(deployment.watch.predictions) == {each.id for each in sent}
        assert dict(deployment.watch.rejections) == {}
