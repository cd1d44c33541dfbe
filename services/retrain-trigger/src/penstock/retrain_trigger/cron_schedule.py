"""When a cron expression fires. Times are in UTC."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import lru_cache

from croniter.croniter import croniter  # type: ignore[import-untyped]

from penstock.contracts.declaration.cron import check_cron

log = logging.getLogger(__name__)


def firing_between(cron: str, since: datetime, now: datetime) -> datetime | None:
    """The first time in `(since, now]` at which `cron` fires, None when there is none or `cron` is wrong.

    >>> from datetime import UTC, timedelta
    >>> since = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    >>> firing_between("0 * * * *", since, since + timedelta(minutes=30)).hour
    1
    >>> firing_between("0 0 30 2 *", since, since + timedelta(days=365)) is None
    True
    """
    if _is_wrong(cron):
        return None
    fired: datetime = croniter(cron, since).get_next(datetime)
    return fired if fired <= now else None


@lru_cache(maxsize=1024)
def _is_wrong(cron: str) -> bool:
    """Whether it is wrong, which is logged once: a declaration of an earlier release was not checked."""
    violation = check_cron(cron)
    if violation is not None:
        log.warning("retrain.cron never fires: %s", violation)
    return violation is not None
