"""Fixed blocks of offsets: the same blocks whatever batches the records come in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence


def split_by_block(offsets: Sequence[int], size: int) -> Iterator[tuple[int, range]]:
    """The number of each block of `size` offsets that ascending `offsets` lie in, with the indices that lie in it.

    >>> list(split_by_block([3, 4, 9, 10], size=5))
    [(0, range(0, 2)), (1, range(2, 3)), (2, range(3, 4))]
    """
    start = 0
    while start < len(offsets):
        number = offsets[start] // size
        stop = bisect_left(offsets, (number + 1) * size, start)
        yield number, range(start, stop)
        start = stop


def slice_within(indices: Sequence[int], span: range) -> slice:
    """The slice of ascending `indices` that lies within `span`.

    >>> [0, 3, 4, 8][slice_within([0, 3, 4, 8], range(3, 8))]
    [3, 4]
    """
    return slice(bisect_left(indices, span.start), bisect_left(indices, span.stop))
