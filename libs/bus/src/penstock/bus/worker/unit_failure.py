"""Why a unit is held back, and when it is tried again: decisions without a clock."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from dataclasses import dataclass, replace

from penstock.bus.errors import TransientError
from penstock.bus.routes import Unit

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 60.0  # seconds until a unit that failed is tried again
FIRST_SUSPENSION, LONGEST_SUSPENSION = 60.0, 1800.0  # seconds until a suspended unit is tried by itself
PROBE = 100  # records of that try: none of them may become a dead letter
ALL = 1_000_000  # records of a try after a resumption
ALIKE = 3  # times that a record alone fails by the same cause before it becomes a dead letter


@dataclass(frozen=True)
class UnitFailure:
    """The failure of a unit: nothing of it is fetched, and what was is tried again in slices.

    Attributes:
        reason: what happened, for people.
        cause: the type of the exception and the line that raised it; empty where something outside is away.
        retry_at: when it is tried again, in seconds of a monotonic clock.
        pause: seconds of the last pause.
        slice_size: how many records are tried next.
        alike: how many times in a row one record alone has failed by this cause.
        is_suspended: whether it is held back so that no more of it becomes dead letters.
    """

    reason: str
    cause: str
    retry_at: float
    pause: float
    slice_size: int
    alike: int = 0
    is_suspended: bool = False

    @property
    def is_poison(self) -> bool:
        """Whether one record alone has failed alike as often as it takes to make it a dead letter."""
        return self.alike >= ALIKE


def failure_after(
    before: UnitFailure | None, error: Exception, records: int, now: float, last_pause: float
) -> UnitFailure:
    """The failure after `error` in the handling of so many records; 0: the unit could not be opened or written.

    A slice that fails is halved at once. One record alone, and what is not the records' fault, is tried again after
    pauses that double from 0.2 s to a minute; `last_pause` is the one before, 0 since something was written.
    """
    cause = "" if isinstance(error, TransientError) else cause_of(error)
    if records > 1 and cause:
        return UnitFailure(_text(error), cause, now, last_pause, (records + 1) // 2)
    was_alike = before is not None and before.cause == cause and before.slice_size <= 1
    alike = (before.alike if before and was_alike else 0) + 1 if records == 1 and cause else 0
    pause = min(2 * last_pause, LONGEST_PAUSE) if last_pause else FIRST_PAUSE
    return UnitFailure(_text(error), cause, now + pause, pause, max(records, 1), alike)


def failure_after_success(before: UnitFailure, now: float) -> UnitFailure:
    """The failure after a slice of the records went well: the next slice is twice as large."""
    return UnitFailure(before.reason, before.cause, now, 0.0, 2 * before.slice_size)


def suspension_after(before: UnitFailure | None, reason: str, now: float) -> UnitFailure:
    """The unit suspended, or suspended again for twice as long: a minute at first, at most half an hour."""
    again = before is not None and before.is_suspended
    pause = min(2 * before.pause, LONGEST_SUSPENSION) if before and again else FIRST_SUSPENSION
    return UnitFailure(reason, "", now + pause, pause, PROBE, is_suspended=True)


def resumption_of(failure: UnitFailure, now: float) -> UnitFailure:
    """The failure of a unit that a person resumes: it is tried at once."""
    return replace(failure, retry_at=now, pause=0.0, slice_size=ALL, alike=0, is_suspended=False)


def is_systemic(failing: Collection[tuple[Unit, str]], units: Collection[Unit], *, is_new_version: bool) -> bool:
    """Whether what fails is the service rather than the records, by the units that fail now and by what cause each.

    It is if half of the units, at least two, fail by one cause; of a version that runs for the first time two are
    enough. Units of one stream alone count only where there is no other: bad records may well be in all of it.

    >>> a, b, c = Unit("a", 0), Unit("b", 0), Unit("c", 0)
    >>> is_systemic([(a, "KeyError at x.py:1"), (b, "KeyError at x.py:1")], [a, b, c], is_new_version=False)
    True
    >>> is_systemic([(a, "KeyError at x.py:1"), (b, "ValueError at x.py:9")], [a, b, c], is_new_version=True)
    False
    """
    by_cause: dict[str, list[Unit]] = {}
    for unit, cause in failing:
        if cause:
            by_cause.setdefault(cause, []).append(unit)
    alike = max(by_cause.values(), key=len, default=[])
    spread = len({unit.stream for unit in alike}) > 1 or len({unit.stream for unit in units}) == 1
    return spread and len(alike) >= 2 and (is_new_version or 2 * len(alike) >= len(units))


def cause_of(error: Exception) -> str:
    """The type of an exception and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
