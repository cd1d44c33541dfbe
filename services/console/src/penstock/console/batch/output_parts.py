"""The output of a batch, written in parts of so many rows, so that a run that was stopped goes on with the next."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from penstock.console.failure import wrong_input

PART_ROWS = 1_000_000
ROW_GROUP = 100_000
FORMATS = (".parquet", ".csv")


class Writer(Protocol):
    """Writes tables of one schema to a file."""

    def write_table(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class OutputParts:
    """The parts of an output file, in a folder beside it until all are there.

    Raises:
        ConsoleFailure: the suffix is no known format's.
    """

    path: Path

    def __post_init__(self) -> None:
        if self.path.suffix not in FORMATS:
            raise wrong_input(f"--output {self.path}: expected a name that ends in {' or '.join(FORMATS)}")

    @property
    def folder(self) -> Path:
        """Where the parts are."""
        return self.path.with_name(self.path.name + ".parts")

    @property
    def done(self) -> int:
        """How many parts are whole."""
        return sum(1 for _ in self._parts())

    def recorded(self) -> dict[str, Any] | None:
        """What an earlier run recorded of itself; None: there was none."""
        file = self.folder / "run.json"
        return json.loads(file.read_text()) if file.is_file() else None

    def record(self, run: Mapping[str, Any]) -> None:
        """Begin a run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "run.json").write_text(json.dumps(run))

    @contextmanager
    def part(self, number: int, schema: pa.Schema) -> Iterator[Writer]:
        """A writer of a part, which counts once the block has ended well."""
        unfinished = self.folder / "unfinished"
        writer = self._open(unfinished, schema)
        try:
            yield writer
        finally:
            writer.close()
        unfinished.replace(self.folder / f"part-{number:05}{self.path.suffix}")

    def join(self) -> None:
        """Make one file of all parts, and remove the folder."""
        parts = list(self._parts())
        if len(parts) == 1:
            parts[0].replace(self.path)
        else:
            unfinished = self.folder / "joined"
            (_join_parquet if self.path.suffix == ".parquet" else _join_csv)(parts, unfinished)
            unfinished.replace(self.path)
        shutil.rmtree(self.folder)

    def _parts(self) -> Iterator[Path]:
        return iter(sorted(self.folder.glob(f"part-*{self.path.suffix}")))

    def _open(self, path: Path, schema: pa.Schema) -> Writer:
        if self.path.suffix == ".csv":
            return cast("Writer", arrow_csv.CSVWriter(path, schema))
        return cast("Writer", pq.ParquetWriter(path, schema, use_dictionary=_texts(schema)))


def _texts(schema: pa.Schema) -> list[str]:
    """The columns that are worth a dictionary: numbers hardly repeat."""
    return [column.name for column in schema if pa.types.is_string(column.type)]


def _join_parquet(parts: list[Path], output: Path) -> None:
    schema = pq.read_schema(parts[0])
    with pq.ParquetWriter(output, schema, use_dictionary=_texts(schema)) as writer:
        for part in parts:
            file = pq.ParquetFile(part)
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group), ROW_GROUP)


def _join_csv(parts: list[Path], output: Path) -> None:
    with output.open("wb") as joined:
        for number, part in enumerate(parts):
            with part.open("rb") as content:
                if number:
                    content.readline()  # the header
                shutil.copyfileobj(content, joined)
