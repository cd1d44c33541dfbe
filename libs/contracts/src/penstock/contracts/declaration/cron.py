"""What is wrong with a cron expression."""

from __future__ import annotations

from datetime import UTC, datetime

from croniter.croniter import CroniterBadDateError, CroniterError, croniter  # type: ignore[import-untyped]

PARTS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day of the month": "1 to 31, or l for the last",
    "month": "1 to 12, or jan to dec",
    "day of the week": "0 to 7, or sun to sat",
    "second": "0 to 59",
    "year": "1970 to 2099",
}
"""The parts in their order, with the values that each may have; the last two may be left out."""
FEWEST_PARTS = 5
EXAMPLE = 'such as "0 3 * * mon": Mondays at 3:00 (UTC)'


def check_cron(cron: str) -> str | None:
    """What is wrong with a cron expression, and in which of its parts; None if it fires.

    >>> check_cron("0 3 * * mon"), check_cron("@daily")
    (None, None)
    >>> check_cron("0 24 * * *")
    "'24' is no hour; expected * or 0 to 23, such as 0, 0,30, 10-20 or */5"
    """
    try:
        croniter(cron, datetime(2026, 1, 1, tzinfo=UTC)).get_next()
    except CroniterBadDateError:
        return f"{cron!r} names a time that never comes; write one {EXAMPLE}"
    except CroniterError:
        return _wrong_part(cron) or f"{cron!r} is no cron expression; write one {EXAMPLE}"
    return _random_part(cron)


def _wrong_part(cron: str) -> str | None:
    parts = cron.split()
    if not FEWEST_PARTS <= len(parts) <= len(PARTS):
        return f"a cron expression has {FEWEST_PARTS} parts: {', '.join([*PARTS][:FEWEST_PARTS])}; {EXAMPLE}"
    for number, (name, values) in enumerate(PARTS.items()):
        if number < len(parts) and not _is_valid_alone(parts[number], number, len(parts)):
            return f"{parts[number]!r} is no {name}; expected * or {values}, such as 0, 0,30, 10-20 or */5"
    return None


def _is_valid_alone(part: str, number: int, count: int) -> bool:
    others = ["*"] * count
    others[number] = part
    return bool(croniter.is_valid(" ".join(others)))


def _random_part(cron: str) -> str | None:
    """Croniter draws such a part anew each time it is asked."""
    part = next((part for part in cron.split() if part[0] in "rRhH"), None)
    return part and f"{part!r} stands for a random time; write one {EXAMPLE}"
