"""Fixed blocks of offsets: what is said once per block has the same borders whatever batches the records come in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence


def blocks(offsets: Sequence[int], size: int) -> Iterator[tuple[int, range]]:
    """The number of each block that ascending offsets lie in, and the places of those that lie in it.

    >>> list(blocks([3, 4, 9, 10], size=5))
    [(0, range(0, 2)), (1, range(2, 3)), (2, range(3, 4))]
    """
    start = 0
    while start < len(offsets):
        number = offsets[start] // size
        stop = bisect_left(offsets, (number + 1) * size, start)
        yield number, range(start, stop)
        start = stop


def inside(places: Sequence[int], some: range) -> slice:
    """Where in ascending `places` those of `some` lie.

    >>> [0, 3, 4, 8][inside([0, 3, 4, 8], range(3, 8))]
    [3, 4]
    """
    return slice(bisect_left(places, some.start), bisect_left(places, some.stop))
