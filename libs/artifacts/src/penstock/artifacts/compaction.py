"""When files of adjacent ranges are merged, so that there are few of them however often one was added."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

FEWEST = 16  # files merged at a time: fewer would be rewritten more often
ALIKE = 4  # times the size of the newest that another may have to be merged with it


def newest_to_merge(sizes: Sequence[int]) -> int:
    """How many of the newest files to merge into one, given the size of each, in offsets or bytes; 0 for none.

    Of n files alike, each record is rewritten about log16(n) times. Of any files that are left, one of 15 in a row has
    more than four times the size of the next one, so that 10^9 records are in 240 at most.

    >>> newest_to_merge([16, *[1] * 15]), newest_to_merge([16, *[1] * 16]), newest_to_merge([1] * 5000)
    (0, 16, 5000)
    """
    count = sum(1 for _ in takewhile(lambda size: size <= ALIKE * sizes[-1], reversed(sizes)))
    return count if count >= FEWEST else 0
