"""Micro-batches: every question is answered once, in order, together with what came while another was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.runtime.http.micro_batches import MicroBatches, PendingRequest


class Answerer:
    """Answers a question with itself; batches can be held up, and fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.rows: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fault: Exception | None = None

    async def __call__(self, batch: Sequence[PendingRequest[int, int]]) -> None:
        self.batches.append([asking.question for asking in batch])
        self.rows.append(sum(asking.rows for asking in batch))
        await self.open.wait()
        for asking in batch:
            if self.fault is not None and asking.question % 2:
                raise self.fault
            asking.answer(asking.question)


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (several things are waited for)
            await asyncio.sleep(0)


@given(st.lists(st.integers(1, 12), max_size=30), st.integers(1, 20))
def test_each_is_answered_once_in_order_and_no_batch_is_too_large(rows: list[int], most: int) -> None:
    async def work() -> Answerer:
        answerer = Answerer()
        batches: MicroBatches[int, int] = MicroBatches(answerer, most)
        asked = [batches.ask(number, size) for number, size in enumerate(rows)]
        assert await asyncio.gather(*asked) == list(range(len(rows)))
        return answerer

    answerer = asyncio.run(work())
    assert [question for batch in answerer.batches for question in batch] == list(range(len(rows)))
    assert all(size <= most or len(batch) == 1 for size, batch in zip(answerer.rows, answerer.batches, strict=True))


async def test_what_is_read_in_one_turn_goes_together_without_a_wait() -> None:
    answerer = Answerer()
    batches: MicroBatches[int, int] = MicroBatches(answerer, 100, longest_wait=3600)
    await asyncio.gather(*(batches.ask(number, 1) for number in range(5)))
    await batches.ask(5, 1)
    assert answerer.batches == [[0, 1, 2, 3, 4], [5]]


async def test_what_comes_while_a_batch_is_answered_waits_for_the_next() -> None:
    answerer = Answerer()
    batches: MicroBatches[int, int] = MicroBatches(answerer, 100, longest_wait=3600)
    answerer.open.clear()
    tasks = [asyncio.create_task(batches.ask(0, 1))]
    await eventually(lambda: answerer.batches)
    for number in range(1, 4):
        tasks.append(asyncio.create_task(batches.ask(number, 1)))
        await asyncio.sleep(0)
    assert answerer.batches == [[0]]
    answerer.open.set()
    await asyncio.gather(*tasks)
    assert answerer.batches == [[0], [1, 2, 3]]


async def test_a_batch_that_takes_long_holds_up_no_other() -> None:
    answerer = Answerer()
    batches: MicroBatches[int, int] = MicroBatches(answerer, 100, longest_wait=0.001)
    answerer.open.clear()
    tasks = [asyncio.create_task(batches.ask(0, 1))]
    await eventually(lambda: answerer.batches)
    tasks.append(asyncio.create_task(batches.ask(1, 1)))
    await eventually(lambda: len(answerer.batches) == 2)
    answerer.open.set()
    assert await asyncio.gather(*tasks) == [0, 1]


async def test_an_error_reaches_those_that_had_no_answer_yet_and_the_next_are_answered() -> None:
    answerer = Answerer()
    answerer.fault = LookupError("lost")
    batches: MicroBatches[int, int] = MicroBatches(answerer, 100)
    outcomes = await asyncio.gather(*(batches.ask(number, 1) for number in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [int, LookupError, LookupError, LookupError]
    answerer.fault = None
    assert await batches.ask(1, 1) == 1


async def test_whoever_goes_away_takes_no_one_along() -> None:
    answerer = Answerer()
    batches: MicroBatches[int, int] = MicroBatches(answerer, 100)
    answerer.open.clear()
    tasks = [asyncio.create_task(batches.ask(number, 1)) for number in range(3)]
    await eventually(lambda: answerer.batches)
    tasks[1].cancel()
    answerer.open.set()
    assert [await tasks[0], await tasks[2]] == [0, 2]
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
