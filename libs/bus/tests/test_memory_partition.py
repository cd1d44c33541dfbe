"""A partition of the memory log holds the same whether or not its oldest records are packed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.bus.memory.partition import PACKED_BLOCK, MemoryPartition

COUNT, OFFSET = st.integers(0, 3 * PACKED_BLOCK + 50), st.integers(0, 4 * PACKED_BLOCK)


def partition_of(count: int) -> MemoryPartition:
    partition = MemoryPartition("t#1")
    for number in range(count):
        if number % 7 == 3:
            partition.append_marker()
        else:
            partition.append(number, None if number % 2 else b"k", b"%d" % number, [("h", b"%d" % number)])
    return partition


@given(count=COUNT, packed=OFFSET, expired=OFFSET, end=OFFSET, position=OFFSET, size=st.integers(1, 2000))
def test_packing_changes_nothing_but_memory(
    count: int, packed: int, expired: int, end: int, position: int, size: int
) -> None:
    plain, other = partition_of(count), partition_of(count)
    other.pack(packed)
    for partition in (plain, other):
        partition.expire(expired)
        partition.truncate(max(end, partition.beginning))
    assert (other.beginning, other.end) == (plain.beginning, plain.end)
    assert list(map(_fields, other.records())) == list(map(_fields, plain.records()))
    if plain.beginning <= position <= plain.end:
        entries = other.read(position, size)
        assert list(map(_fields, entries)) == list(map(_fields, plain.read(position, size)[: len(entries)]))
        assert entries or position == plain.end
    other.close()


def _fields(entry: object) -> object:
    return entry and [getattr(entry, name) for name in ("offset", "timestamp", "key", "value")]
