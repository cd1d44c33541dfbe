"""DuckDB over files of the prediction log: it reads those, and nothing else on the machine or the network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from penstock.archiver.archive_files import ARCHIVED
from penstock.archiver.handlers import schema_of
from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.prediction_log.log_files import FilesChanged, LogFile, PredictionLog

SETTINGS: dict[str, str | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "1GB",
    "max_temp_directory_size": "20GB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}
ROWS_AT_A_TIME = 1000
BLOCK_ROWS = 50_000  # of Arrow
TRIES = 5  # files are merged now and then, while they are read
ASKING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


T = TypeVar("T")


class Answer(NamedTuple):
    """The columns of an answer, and its rows as they are read."""

    columns: Sequence[str]
    rows: Iterator[tuple[Any, ...]]


class LockedDatabase:
    """A database in memory with a view for each topic, over these files; what it cannot hold it spills to `folder`.

    A view has all columns of its topic even where nothing is archived of it. Nothing can be changed by a statement:
    files outside of these are out of reach, and so is the configuration.
    """

    def __init__(self, files: Sequence[LogFile], streams: Collection[str], folder: Path) -> None:
        self.is_empty = not files
        self._database = duckdb.connect(":memory:", config={**SETTINGS, "temp_directory": str(folder / "spilled")})
        self._database.execute("SET TimeZone = 'UTC'")
        paths = [file.path for file in files]
        for view, schema in _SCHEMAS.items():
            empty = folder / f"{view}.parquet"
            pq.write_table(schema.empty_table(), empty)
            paths.append(empty)
            of_view = [file for file in files if _view(file.topic) == view]
            self._database.execute(_view_statement(view, empty, of_view, streams))
        self._database.execute(f"SET allowed_paths = {_list(paths)}")
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET lock_configuration = true")

    def ask(self, question: str, values: Sequence[Any] = ()) -> Answer:
        """The answer to one SELECT statement, with values for its question marks.

        Raises:
            ConsoleFailure: it is something else, or wrong.
            FilesChanged: a file is gone.
        """
        with _Errors():
            result = self._database.execute(self._statement(question), list(values))
            return Answer([column[0] for column in result.description or ()], self._rows(result))

    @contextmanager
    def blocks(self, question: str) -> Iterator[pa.RecordBatchReader]:
        """The answer to one SELECT statement, as it is read within the block, in Arrow.

        Raises:
            ConsoleFailure, FilesChanged: as of `ask`, also for what goes wrong within.
        """
        with _Errors():
            yield self._database.sql(self._statement(question)).to_arrow_reader(BLOCK_ROWS)

    def interrupt(self) -> None:
        """End what is being asked, from another thread: it fails."""
        self._database.interrupt()

    def _statement(self, question: str) -> duckdb.Statement:
        statements = self._database.extract_statements(question)
        if len(statements) != 1 or statements[0].type not in ASKING:
            raise wrong_input("Give one SELECT statement: the prediction log is only read.")
        return statements[0]

    def _rows(self, result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
        try:
            with _Errors():
                while rows := result.fetchmany(ROWS_AT_A_TIME):
                    yield from rows
        except FilesChanged as error:
            raise ConsoleFailure("A file of the prediction log was merged while it was read; ask again.") from error

    def close(self) -> None:
        """Let go of the files."""
        self._database.close()


def with_database(log: PredictionLog, streams: Collection[str], folder: Path, use: Callable[[LockedDatabase], T]) -> T:
    """What `use` makes of the database over the files of these streams; it is called again where files are merged.

    Raises:
        ConsoleFailure: the prediction log cannot be read, or what `use` raises.
    """
    for _ in range(TRIES):
        database = LockedDatabase(log.files(streams), streams, folder)
        try:
            return use(database)
        except FilesChanged:
            continue
        finally:
            database.close()
    raise ConsoleFailure("The files of the prediction log change while they are read; try again.")


class _Errors:
    """What DuckDB says, as the failure of a command in one line."""

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Raise it."""
        if isinstance(error, duckdb.IOException) and "No such file" in str(error):
            raise FilesChanged(str(error)) from error
        if isinstance(error, duckdb.Error):
            raise wrong_input(_line(error)) from error


def _line(error: duckdb.Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(line for line in lines if not line.startswith(("LINE ", "^")))


def _view(topic: str) -> str:
    return topic.replace("-", "_")


_SCHEMAS = {_view(topic.short_name): schema_of(topic) for topic in ARCHIVED}


def _view_statement(view: str, empty: Path, files: Sequence[LogFile], streams: Collection[str]) -> str:
    """A view of the files, each with its stream; decisions name their stream themselves."""
    if view == "decisions":
        wanted = f" WHERE stream IN ({', '.join(map(_text, sorted(streams)))})" if streams else ""
        return f"CREATE VIEW decisions AS SELECT * FROM {_read([empty, *(file.path for file in files)])}{wanted}"
    parts = [f"SELECT NULL::VARCHAR AS stream, * FROM {_read([empty])}"]
    for stream, of_stream in groupby(files, lambda file: file.stream):
        name = "NULL::VARCHAR" if stream is None else _text(stream)
        parts.append(f"SELECT {name} AS stream, * FROM {_read([file.path for file in of_stream])}")
    return f"CREATE VIEW {view} AS {' UNION ALL BY NAME '.join(parts)}"


def _read(paths: Sequence[Path]) -> str:
    return f"read_parquet({_list(paths)}, union_by_name = true, hive_partitioning = false)"


def _list(paths: Sequence[Path]) -> str:
    return f"[{', '.join(_text(str(path)) for path in paths)}]"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
