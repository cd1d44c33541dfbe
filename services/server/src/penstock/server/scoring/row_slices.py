"""How much of a large request is worked on before other requests get their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

ROWS = 1000  # of a batch: more would be predicted in a thread
CELLS = 100_000  # of a batch: values that are read or answered
TURN_BYTES = 128 << 10  # of records or responses that are encoded


def rows_at_a_time(cells: int) -> int:
    """How many rows of so many cells are worked on at a time.

    >>> rows_at_a_time(24), rows_at_a_time(1000)
    (1000, 100)
    """
    return max(1, min(ROWS, CELLS // max(1, cells)))


async def encode_in_turns(items: Iterable[T], encode: Callable[[T], bytes]) -> list[bytes]:
    """The items as bytes; other requests have their turn after every `TURN_BYTES` of them."""
    texts: list[bytes] = []
    size = 0
    for item in items:
        if size > TURN_BYTES:
            await asyncio.sleep(0)
            size = 0
        texts.append(encode(item))
        size += len(texts[-1])
    return texts
