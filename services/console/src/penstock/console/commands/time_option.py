"""Times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from penstock.console.failure import wrong_input


def time_of(option: str, text: str) -> datetime:
    """The time that an option names, in UTC unless it says otherwise.

    >>> time_of("--since", "2026-05-01").isoformat()
    '2026-05-01T00:00:00+00:00'

    Raises:
        ConsoleFailure: it is none.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise wrong_input(f"{option} {text}: write a time as 2026-05-01 or 2026-05-01T12:00:00") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
