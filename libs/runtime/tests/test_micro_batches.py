"""Micro-batches: each request is resolved once, in order, together with those that came while a batch was processed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.runtime.http.micro_batches import MicroBatches, PendingRequest


class EchoProcessor:
    """Resolves a request with itself; batches can be held up, and fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.rows: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def __call__(self, batch: Sequence[PendingRequest[int, int]]) -> None:
        self.batches.append([pending.request for pending in batch])
        self.rows.append(sum(pending.rows for pending in batch))
        await self.gate.wait()
        for pending in batch:
            if self.error is not None and pending.request % 2:
                raise self.error
            pending.resolve(pending.request)


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0)


@given(st.lists(st.integers(1, 12), max_size=30), st.integers(1, 20))
def test_each_is_resolved_once_in_order_and_no_batch_is_too_large(rows: list[int], max_rows: int) -> None:
    async def work() -> EchoProcessor:
        processor = EchoProcessor()
        batches: MicroBatches[int, int] = MicroBatches(processor, max_rows)
        results = [batches.submit(number, size) for number, size in enumerate(rows)]
        assert await asyncio.gather(*results) == list(range(len(rows)))
        return processor

    processor = asyncio.run(work())
    assert [request for batch in processor.batches for request in batch] == list(range(len(rows)))
    assert all(
        size <= max_rows or len(batch) == 1 for size, batch in zip(processor.rows, processor.batches, strict=True)
    )


async def test_requests_read_in_one_turn_form_a_batch_without_a_wait() -> None:
    processor = EchoProcessor()
    batches: MicroBatches[int, int] = MicroBatches(processor, 100, max_wait=3600)
    await asyncio.gather(*(batches.submit(number, 1) for number in range(5)))
    await batches.submit(5, 1)
    assert processor.batches == [[0, 1, 2, 3, 4], [5]]


async def test_requests_that_come_while_a_batch_is_processed_form_the_next() -> None:
    processor = EchoProcessor()
    batches: MicroBatches[int, int] = MicroBatches(processor, 100, max_wait=3600)
    processor.gate.clear()
    tasks = [asyncio.create_task(batches.submit(0, 1))]
    await eventually(lambda: processor.batches)
    for number in range(1, 4):
        tasks.append(asyncio.create_task(batches.submit(number, 1)))
        await asyncio.sleep(0)
    assert processor.batches == [[0]]
    processor.gate.set()
    await asyncio.gather(*tasks)
    assert processor.batches == [[0], [1, 2, 3]]


async def test_a_slow_batch_does_not_hold_up_the_next() -> None:
    processor = EchoProcessor()
    batches: MicroBatches[int, int] = MicroBatches(processor, 100, max_wait=0.001)
    processor.gate.clear()
    tasks = [asyncio.create_task(batches.submit(0, 1))]
    await eventually(lambda: processor.batches)
    tasks.append(asyncio.create_task(batches.submit(1, 1)))
    await eventually(lambda: len(processor.batches) == 2)
    processor.gate.set()
    assert await asyncio.gather(*tasks) == [0, 1]


async def test_an_error_reaches_the_unresolved_requests_only() -> None:
    processor = EchoProcessor()
    processor.error = LookupError("lost")
    batches: MicroBatches[int, int] = MicroBatches(processor, 100)
    outcomes = await asyncio.gather(*(batches.submit(number, 1) for number in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [int, LookupError, LookupError, LookupError]
    processor.error = None
    assert await batches.submit(1, 1) == 1


async def test_a_cancelled_request_does_not_affect_the_others() -> None:
    processor = EchoProcessor()
    batches: MicroBatches[int, int] = MicroBatches(processor, 100)
    processor.gate.clear()
    tasks = [asyncio.create_task(batches.submit(number, 1)) for number in range(3)]
    await eventually(lambda: processor.batches)
    tasks[1].cancel()
    processor.gate.set()
    assert [await tasks[0], await tasks[2]] == [0, 2]
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
