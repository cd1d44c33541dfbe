"""When a process that ended is started again: decisions without a clock."""

from __future__ import annotations

LONGEST_DELAY_S = 30.0
STEADY_AFTER_S = 60.0
FAILING_FROM = 3
DOUBLINGS = 5  # until the longest delay is reached


def restart_delay_s(failures: int) -> float:
    """Seconds to wait before the next start after `failures` in a row; after the first one there is no wait.

    >>> [restart_delay_s(failures) for failures in range(1, 9)]
    [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    """
    return 0.0 if failures <= 1 else min(2.0 ** min(failures - 2, DOUBLINGS), LONGEST_DELAY_S)


def failures_after(earlier: int, ready_s: float) -> int:
    """Failures in a row, now that a process ended which had been ready for `ready_s` seconds.

    A process that was ready for `STEADY_AFTER_S` has its earlier failures forgotten.

    >>> failures_after(3, ready_s=5.0), failures_after(3, ready_s=60.0)
    (4, 1)
    """
    return 1 if ready_s >= STEADY_AFTER_S else earlier + 1


def is_failing(failures: int) -> bool:
    """Whether a process that failed so often in a row is reported as failing; it is started again all the same."""
    return failures >= FAILING_FROM
