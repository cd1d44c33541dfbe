"""Rows as Parquet: sorted by entity, so that those of one can be found and rewritten; equal rows give equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROW_GROUP = 65_536


def to_parquet(tables: Sequence[pa.Table]) -> bytes:
    """The rows of tables with one schema as one file, by entity, then offset; rows without an entity are last."""
    return _sorted_file(pa.concat_tables(tables).combine_chunks())


def merge(contents: Sequence[bytes]) -> list[tuple[range, bytes]]:
    """Files merged, in their order: which of them are in each. Those from before and after a change of columns are not
    merged with each other.

    Raises:
        ValueError: one is no Parquet file, or its bytes are not those that were written.
    """
    schemas = [str(pq.read_schema(pa.BufferReader(content))) for content in contents]
    merged, first = [], 0
    for _, group in groupby(schemas):
        indexes = range(first, first := first + sum(1 for _ in group))
        merged.append((indexes, _merge(contents[indexes.start : indexes.stop])))
    return merged


def _merge(contents: Sequence[bytes]) -> bytes:
    if len(contents) == 1:
        return contents[0]
    parts = (pq.read_table(pa.BufferReader(content), page_checksum_verification=True) for content in contents)
    return _sorted_file(pa.concat_tables(parts).combine_chunks())


def _sorted_file(table: pa.Table) -> bytes:
    """Sorted a group at a time: in memory are the rows once, and those of one group."""
    order = pc.sort_indices(table.select(["entity", "offset"]), [("entity", "ascending"), ("offset", "ascending")])
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd", version="2.6", write_page_checksum=True) as writer:
        for start in range(0, len(table), ROW_GROUP):
            writer.write_table(table.take(order.slice(start, ROW_GROUP)), row_group_size=ROW_GROUP)
    return bytes(sink.getvalue())
