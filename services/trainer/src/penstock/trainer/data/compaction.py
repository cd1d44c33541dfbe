"""When segments are merged, so that a dataset names few of them however many trainings there were."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

FEWEST = 16  # segments merged at a time: fewer would be rewritten more often
ALIKE = 4  # times the span of the newest that another may have to be merged with it


def newest_to_merge(spans: Sequence[int]) -> int:
    """How many of the newest segments to merge into one, given how many offsets each spans; 0 for none.

    Of n segments alike, each outcome is rewritten about log16(n) times. Of any segments that are left, one of 15 in a
    row spans more than four times what the next one does, so that a stream of 10^9 outcomes has 240 at most.

    >>> newest_to_merge([16, *[1] * 15]), newest_to_merge([16, *[1] * 16]), newest_to_merge([1] * 5000)
    (0, 16, 5000)
    """
    count = sum(1 for _ in takewhile(lambda span: span <= ALIKE * spans[-1], reversed(spans)))
    return count if count >= FEWEST else 0
