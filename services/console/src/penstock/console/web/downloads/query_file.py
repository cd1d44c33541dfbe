"""The answer of the prediction log to a question in SQL, as Parquet."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.console.failure import ConsoleFailure, wrong_input
from penstock.console.prediction_log.locked_database import LockedDatabase, with_database
from penstock.console.prediction_log.log_files import PredictionLog

MOST_ROWS = 1_000_000
MOST_SECONDS = 60.0
AGAIN_S = 0.5  # an interrupt between two blocks of an answer is lost
HUGE = pa.decimal128(38, 0)  # what sums of integers are in DuckDB


def write_answer(artifacts: str, namespace: str, streams: Collection[str], question: str, file: IO[bytes]) -> None:
    """Ask what `penstock sql` asks, of these streams or of all, and write the answer to a file.

    Raises:
        ConsoleFailure: it is no question, it takes too long, or the answer has too many rows or no form in Parquet.
    """

    def write(database: LockedDatabase) -> None:
        file.seek(0)
        file.truncate()
        with _time_limit(database):
            _write_blocks(database, question, file)

    with tempfile.TemporaryDirectory(prefix="penstock-sql-") as folder:
        with_database(PredictionLog(artifacts, namespace, Path(folder)), streams, Path(folder), write)


@contextmanager
def _time_limit(database: LockedDatabase) -> Iterator[None]:
    """End what is asked within the block once it takes too long."""
    ended, over = Event(), Event()

    def watch() -> None:
        wait = MOST_SECONDS
        while not ended.wait(wait):
            over.set()
            database.interrupt()
            wait = AGAIN_S

    watcher = Thread(target=watch, name="sql-time-limit", daemon=True)
    watcher.start()
    try:
        yield
    except ConsoleFailure as failure:
        if over.is_set():
            raise wrong_input(f"The query took longer than {MOST_SECONDS:g} s: ask for less at once.") from failure
        raise
    finally:
        ended.set()
        watcher.join()


def _write_blocks(database: LockedDatabase, question: str, file: IO[bytes]) -> None:
    with database.blocks(question) as blocks:
        schema, rows = _schema_of(blocks.schema), 0
        with pq.ParquetWriter(file, schema, compression="zstd") as parquet:
            for block in blocks:
                rows += len(block)
                if rows > MOST_ROWS:
                    raise wrong_input(f"The answer has more than {MOST_ROWS:,} rows: aggregate, or add a LIMIT.")
                parquet.write_table(_with_plain_integers(pa.Table.from_batches([block]), schema))


def _schema_of(found: pa.Schema) -> pa.Schema:
    """The columns of the file: sums of integers are integers of 64 bits.

    Raises:
        ConsoleFailure: two have one name, or one has no form in Parquet.
    """
    for column in found:
        if pa.types.is_interval(column.type):
            raise wrong_input(f"Column {column.name!r} is an interval, which Parquet has no form for: cast it.")
    for name, count in Counter(found.names).items():
        if count > 1:
            raise wrong_input(f"{count} columns are named {name!r}: give each a name of its own with AS.")
    return pa.schema([column.with_type(pa.int64()) if column.type == HUGE else column for column in found])


def _with_plain_integers(block: pa.Table, schema: pa.Schema) -> pa.Table:
    try:
        return block.cast(schema)
    except pa.ArrowInvalid as error:
        raise wrong_input("An integer of the answer has more than 64 bits: cast its column to double.") from error
