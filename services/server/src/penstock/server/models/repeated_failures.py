"""What a champion fails at: one odd row is no reason to refuse it, what repeats is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_FAILURES = 3  # batches in succession, each with a row not failed at before


@dataclass(slots=True, eq=False)
class RepeatedFailures:
    """Counts the batches in succession in which a champion failed at rows; the same row again does not count.

    >>> failures = RepeatedFailures()
    >>> [failures.record_failure([row]) for row in "aabc"]
    [False, False, False, True]
    >>> failures.record_success()
    >>> failures.record_failure(["d"])
    False
    """

    _batches: int = 0
    _rows: set[str] = field(default_factory=set)

    def record_failure(self, rows: Iterable[str]) -> bool:
        """Take note of the rows of a batch that it failed at; whether it is to be refused."""
        new_rows = set(rows) - self._rows
        if new_rows:
            self._batches += 1
            self._rows |= new_rows
        return self._batches >= MAX_FAILURES

    def record_success(self) -> None:
        """A batch was answered whole."""
        if self._batches:
            self._batches = 0
            self._rows.clear()
