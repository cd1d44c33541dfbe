"""When a cron expression fires. Times are in UTC."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import lru_cache

from croniter.croniter import CroniterError, croniter  # type: ignore[import-untyped]

log = logging.getLogger(__name__)


def firing_between(cron: str, since: datetime, now: datetime) -> datetime | None:
    """The first time in `(since, now]` at which `cron` fires, None when there is none or `cron` is invalid.

    >>> from datetime import UTC, timedelta
    >>> since = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    >>> firing_between("0 * * * *", since, since + timedelta(minutes=30)).hour
    1
    >>> firing_between("0 0 30 2 *", since, since + timedelta(days=365)) is None
    True
    """
    if not _is_valid(cron):
        return None
    try:
        fired: datetime = croniter(cron, since).get_next(datetime)
    except CroniterError:  # such as 30 February
        return None
    return fired if fired <= now else None


@lru_cache(maxsize=1024)
def _is_valid(cron: str) -> bool:
    try:
        croniter(cron)
    except CroniterError as error:
        log.warning("retrain.cron %r is no cron expression and never fires: %s", cron, error)
        return False
    return True
