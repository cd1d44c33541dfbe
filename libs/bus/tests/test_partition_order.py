"""Writes of a partition keep their order, fail after a failed one, and hold up no other partition."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from penstock.bus.errors import BrokerUnavailable
from penstock.bus.partition_order import PartitionOrder

A, B = ("t", 0), ("t", 1)


class Partition:
    """Where writes arrive, each after so many turns of the event loop; None: never."""

    def __init__(self) -> None:
        self.values: list[int] = []

    def write(self, value: int, turns: int | None) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            if turns is None:
                await asyncio.Event().wait()
            for _ in range(turns or 0):
                await asyncio.sleep(0)
            self.values.append(value)

        return write


async def test_a_slow_write_is_not_overtaken_by_a_quick_one() -> None:
    order, partition = PartitionOrder[None](), Partition()
    await asyncio.gather(*(order.run(A, partition.write(number, 9 - number)) for number in range(10)))
    assert partition.values == list(range(10))


async def test_a_silent_partition_holds_up_no_other_and_closing_gives_its_writes_up() -> None:
    order, partition = PartitionOrder[None](), Partition()
    silent = [order.run(A, partition.write(number, None)) for number in range(2)]
    await order.run(B, partition.write(7, 1))
    assert (partition.values, [task.done() for task in silent]) == ([7], [False, False])
    order.close()
    for task in silent:
        with pytest.raises(BrokerUnavailable):
            await task


async def test_after_a_failed_write_the_later_ones_of_its_partition_fail() -> None:
    order, partition = PartitionOrder[None](), Partition()

    async def fail() -> None:
        raise OSError("no")

    failed, later = order.run(A, fail), order.run(A, partition.write(1, 0))
    await order.run(B, partition.write(2, 0))
    with pytest.raises(OSError, match="no"):
        await failed
    with pytest.raises(BrokerUnavailable, match="earlier write"):
        await later
    assert partition.values == [2]
