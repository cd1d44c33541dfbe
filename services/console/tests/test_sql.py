"""`penstock sql`: what can be asked of the prediction log, and that nothing else can be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from penstock.archiver.archive_files import ArchiveFile, folder_of
from penstock.archiver.handlers import schema_of
from penstock.archiver.parquet_rows import to_parquet
from penstock.artifacts.named_files import NamedFiles
from penstock.console.__main__ import application
from penstock.console.failure import ConsoleFailure
from penstock.console.prediction_log import log_files
from penstock.contracts.topics import DECISIONS, OUTCOMES, PREDICTIONS, Topic

NOON = 1_767_268_800_000_000  # 2026-01-01T12:00Z, in microseconds


class Log:
    """A home with a prediction log, and questions to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = NamedFiles.in_folder(home / "artifacts")

    def write(self, topic: Topic[Any], stream: str | None, start: int, rows: list[dict[str, Any]]) -> None:
        schema = schema_of(topic)
        extra = sorted({name for row in rows for name in row} - set(schema.names))
        columns = pa.schema([*schema, *((name, pa.float64()) for name in extra)])
        given = [{"partition": 0, "offset": start + at, **row} for at, row in enumerate(rows)]
        table = pa.Table.from_pylist(given, columns)
        name = ArchiveFile(start, start + len(rows), NOON // 1000).name
        self.store.put(f"{folder_of('penstock', stream, topic.short_name, 0)}/{name}", to_parquet([table]))

    def run(self, *arguments: str) -> Any:
        return CliRunner().invoke(application(), ["sql", *arguments])

    def ask(self, question: str, *options: str) -> list[dict[str, Any]]:
        result = self.run(question, "--json", *options)
        if result.exception is not None:
            raise result.exception
        return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PENSTOCK_NAMESPACE", raising=False)
    log = Log(tmp_path / "home")
    answers = [
        {"id": f"e{n}", "value": "yes", "version": n // 2, "entity": f"c{n % 2}", "time": NOON + n} for n in range(4)
    ]
    log.write(PREDICTIONS, "loans", 0, answers)
    log.write(PREDICTIONS, "bikes", 0, [{"id": "b1", "value": "1.5", "number": 1.5, "version": 7}])
    log.write(
        OUTCOMES, "loans", 0, [{"id": f"e{n}", "value": "yes", "label": "yes", "field.amount": n} for n in range(2)]
    )
    log.write(OUTCOMES, "bikes", 0, [{"id": "b1", "number": 1.5, "label_number": 2.0}])
    log.write(DECISIONS, None, 0, [{"stream": "loans", "verdict": "wait"}, {"stream": "bikes", "verdict": "retrain"}])
    return log


def test_all_streams_are_asked_unless_some_are_named(log: Log) -> None:
    by_stream = "select stream, count(*) as n from predictions group by stream order by stream"
    assert log.ask(by_stream) == [{"stream": "bikes", "n": 1}, {"stream": "loans", "n": 4}]
    assert log.ask(by_stream, "--stream", "loans") == [{"stream": "loans", "n": 4}]
    assert log.ask("select stream from decisions", "--stream", "loans") == [{"stream": "loans"}]


def test_topics_are_joined_and_fields_are_columns(log: Log) -> None:
    question = """select p.version, avg((o.label = p.value)::int) as right, sum("field.amount") as amount
                  from predictions p join outcomes o using (stream, id) where stream = 'loans' group by all"""
    assert log.ask(question) == [{"version": 0, "right": 1.0, "amount": 1.0}]


def test_times_are_in_utc(log: Log) -> None:
    question = "select time from predictions where time >= '2026-01-01 12:00:00.000003'"
    assert log.ask(question) == [{"time": "2026-01-01T12:00:00.000003Z"}]


def test_a_topic_of_which_nothing_is_archived_is_empty(log: Log) -> None:
    assert log.ask("select count(*) as n, max(code) as code from rejected") == [{"n": 0, "code": None}]
    assert log.ask("select reason from dead_letters") == []


def test_a_merged_file_beside_its_parts_counts_once(log: Log) -> None:
    log.write(PREDICTIONS, "loans", 4, [{"id": "e4"}])
    log.write(PREDICTIONS, "loans", 0, [{"id": f"e{n}"} for n in range(5)])
    assert log.ask("select count(*) as n from predictions where stream = 'loans'") == [{"n": 5}]


def test_people_see_a_table_and_programs_csv(log: Log) -> None:
    shown = log.run("select id, value, number from predictions where stream = 'bikes'").stdout
    assert {"id", "value", "b1", "1.5"} <= set(shown.replace("│", " ").replace("┃", " ").split())
    csv = log.run("select id, value, number, entity from predictions where stream = 'bikes'", "--csv").stdout
    assert csv.splitlines() == ["id,value,number,entity", "b1,1.5,1.5,"]
    wide = log.run("select * from predictions where stream = 'bikes'").stdout
    assert ["value", "1.5"] in [line.split() for line in wide.splitlines()]
    many = log.run("select * from range(300)").stdout
    assert "The first 200 rows" in many


def test_what_lies_in_a_bucket_is_fetched_first(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "open_named_files", {"s3://bucket/prefix": log.store}.get)
    question = "select count(*) as n from predictions"
    assert log.ask(question, "--store", "s3://bucket/prefix") == [{"n": 5}]


def test_what_somebody_has_put_beside_the_files_is_left_alone(log: Log) -> None:
    for name in (
        "notes.txt",
        "loans/notes.txt",
        "loans/predictions/0/notes.txt",
        "loans/predictions/0/before/x.parquet",
    ):
        log.store.put(f"prediction-log/penstock/{name}", b"?")
    assert log.ask("select count(*) as n from predictions") == [{"n": 5}]


def test_with_nothing_archived_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path / "none"))
    result = Log(tmp_path / "none").run("select count(*) from predictions")
    assert (result.exit_code, "Nothing is archived yet" in result.stderr) == (0, True)


def test_a_stream_of_which_nothing_is_archived_is_named(log: Log) -> None:
    with pytest.raises(ConsoleFailure, match="Nothing is archived of cars"):
        log.ask("select 1", "--stream", "cars", "--stream", "loans")


@pytest.mark.parametrize(
    "question",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('{other}')",
        "select * from read_parquet('{other}')",
        "select * from '/etc/passwd'",
        "select * from glob('/etc/*')",
        "select * from read_csv('https://example.com/a.csv')",
        "select getenv('HOME')",
        "select * from log",
        "select * from query('copy (select 1) to ''{out}''')",
        "copy predictions to '{out}'",
        "copy (select 1) to '{out}' (format parquet)",
        "export database '{out}'",
        "attach '{out}'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "reset allowed_paths",
        "pragma enable_profiling",
        "create table t as select 1",
        "drop view predictions",
        "explain analyze copy (select 1) to '{out}'",
        "select 1; select 2",
        "select 1; copy predictions to '{out}'",
        "",
        "selec",
        "select nothing from predictions",
    ],
)
def test_nothing_else_can_be_read_written_or_set(log: Log, tmp_path: Path, question: str) -> None:
    other, target = tmp_path / "other.parquet", tmp_path / "out"
    other.write_bytes(to_parquet([schema_of(DECISIONS).empty_table()]))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConsoleFailure) as failure:
        log.ask(question.format(other=other, out=target))
    assert failure.value.status == 2
    assert str(failure.value).count("\n") == 0
    assert sorted(tmp_path.rglob("*")) == before
