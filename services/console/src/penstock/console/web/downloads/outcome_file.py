"""The labelled outcomes that the log has of a stream, as Parquet, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from penstock.bus.ports import Log
from penstock.console.failure import wrong_input
from penstock.console.lineage.places import TopicReader
from penstock.contracts.batch import RawRecord, Unreadable
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import Outcome
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import OUTCOMES
from penstock.trainer.data.parquet_segments import FIELD, outcome_table, schema_of

MOST_ROWS = 1_000_000
GROUP_ROWS = 50_000  # in memory at a time
OWN = {
    "offset": "offset", "id": "id", "source": "source", "entity": "entity", "time": "time", "label_time": "label_time",
    "revision": "revision", "label": "label", "served": "prediction", "version": "version", "epoch": "epoch",
    "probabilities": "probabilities",
}  # fmt: skip
"""Columns of a segment beside the fields, and their names here."""


@dataclass(frozen=True)
class OutcomeRange:
    """The outcomes that the log took from one time to before another, or the newest `last` of those."""

    start: datetime | None = None
    stop: datetime | None = None
    last: int | None = None


async def write_outcomes(
    log: Log, namespace: str, stream: StreamDeclared, wanted: OutcomeRange, file: IO[bytes]
) -> None:
    """Write labelled outcomes in the order of the log, with the answer if there was one, and the declared fields.

    Raises:
        ConsoleFailure: they are too many.
        TransientError: the log does not answer.
    """
    outcomes = _Outcomes(stream, TopicReader(log, namespace, OUTCOMES, stream))
    begin, end = await outcomes.bounds(wanted)
    if wanted.last is not None:
        begin = await outcomes.start_of_last(wanted.last, begin, end)
    schema, rows = outcome_schema(stream.declaration), 0
    with pq.ParquetWriter(file, schema, compression="zstd") as parquet:
        async with aclosing(outcomes.tables(begin, end)) as tables:
            async for table in tables:
                rows += len(table)
                if rows > MOST_ROWS:
                    raise wrong_input(f"There are more than {MOST_ROWS:,} labelled outcomes: ask for a shorter time.")
                await asyncio.to_thread(parquet.write_table, table.select(schema.names))


def outcome_schema(declaration: Declaration) -> pa.Schema:
    """The columns. A field has its own name; a column that a field is named as is `event.` and its name."""
    types = schema_of(declaration)
    named = column_names(declaration)
    return pa.schema([(new, types.field(old).type) for old, new in named.items()])


def column_names(declaration: Declaration) -> dict[str, str]:
    """The columns of a segment that are written, and their names in the file."""
    names = {}
    for column, name in OWN.items():
        own = name
        while own in declaration.fields:
            own = f"event.{own}"
        names[column] = own
    return names | {FIELD + field: field for field in declaration.fields}


class _Outcomes:
    def __init__(self, stream: StreamDeclared, reader: TopicReader[Outcome[Any]]) -> None:
        self._stream = stream
        self._reader = reader
        self._names = column_names(stream.declaration)

    async def bounds(self, wanted: OutcomeRange) -> tuple[int, int]:
        """The first offset, and that after the last: outcomes have one partition."""
        begin, end = (await self._reader.bounds()).get(0, (0, 0))
        if wanted.start is not None:
            begin = max(begin, await self._first_from(wanted.start, end))
        if wanted.stop is not None:
            end = min(end, await self._first_from(wanted.stop, end))
        return begin, end

    async def _first_from(self, time: datetime, end: int) -> int:
        return (await self._reader.offsets_after(int(time.timestamp() * 1000) - 1)).get(0, end)

    async def start_of_last(self, last: int, begin: int, end: int) -> int:
        """The offset from which on there are `last` labelled outcomes, `begin` where there are fewer."""
        width = last
        while True:
            start = max(begin, end - width)
            offsets = [table[self._names["offset"]] async for table in self.tables(start, end)]
            found = pa.chunked_array([chunk for column in offsets for chunk in column.chunks], pa.int64())
            if len(found) >= last:
                return int(found[len(found) - last].as_py())
            if start == begin:
                return begin
            width *= 2

    async def tables(self, begin: int, end: int) -> AsyncGenerator[pa.Table]:
        """The labelled outcomes at offsets `[begin, end)`, many at a time; decoding them lets others run."""
        waiting: list[pa.Table] = []
        async with aclosing(self._reader.read_raw({0: (begin, end)})) as blocks:
            async for _, raw in blocks:
                waiting.append(await asyncio.to_thread(self._table, raw))
                if sum(map(len, waiting)) >= GROUP_ROWS:
                    yield pa.concat_tables(waiting)
                    waiting = []
        if waiting:
            yield pa.concat_tables(waiting)

    def _table(self, raw: list[RawRecord]) -> pa.Table:
        decoded = OUTCOMES.decoder(self._stream)(raw)
        pairs = [(at.offset, one) for at, one in zip(raw, decoded, strict=True) if not isinstance(one, Unreadable)]
        table = outcome_table(self._stream.declaration, [at for at, _ in pairs], [one for _, one in pairs])
        labelled = table.filter(pc.is_valid(table["label"]))
        return labelled.select(list(self._names)).rename_columns(list(self._names.values()))
