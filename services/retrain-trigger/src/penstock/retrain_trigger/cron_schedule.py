"""The calendar: when a cron expression fires. Times are in UTC."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import lru_cache

from croniter.croniter import CroniterError, croniter  # type: ignore[import-untyped]

log = logging.getLogger(__name__)


def due_at(cron: str, since: datetime, now: datetime) -> datetime | None:
    """The first instant in `(since, now]` at which `cron` fires, or None; an expression that is none never does.

    >>> from datetime import UTC
    >>> due_at("0 * * * *", datetime(2026, 1, 1, 0, 30, tzinfo=UTC), datetime(2026, 1, 1, 1, 0, tzinfo=UTC)).hour
    1
    """
    if not _is_cron(cron):
        return None
    fired: datetime = croniter(cron, since).get_next(datetime)
    return fired if fired <= now else None


@lru_cache(maxsize=1024)
def _is_cron(cron: str) -> bool:
    try:
        croniter(cron)
    except CroniterError as error:
        log.warning("retrain.cron %r is no cron expression and never fires: %s", cron, error)
        return False
    return True
