"""Tries faults on real processes and a real broker: `python -m tests.faults.live`.

Results are kept: a second run tries what is missing, or was tried with another product, and what had failed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.live import results
from tests.faults.live.all_cases import CASES
from tests.faults.live.case import Case, Result
from tests.faults.live.page import live_section
from tests.faults.live.rows.disk import small_disks
from tests.faults.live.site import no_disks, site_in
from tests.faults.live.trial import prepare, try_case
from tests.faults.page import write_live

OF_A_SITE = 40  # cases, after which a new deployment is begun: each has a stream, whose topics stay


def main() -> int:
    """Try cases; 1 when one failed."""
    options = _options()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    wanted = [case for case in CASES if any(part in case.key for part in options.only or [""])]
    missing = [case for case in wanted if not ((result := results.stored(case)) and result.holds)]
    asyncio.run(_try_all(missing, time.monotonic() + options.minutes * 60))
    found = [result for case in CASES if (result := results.stored(case))]
    write_live(live_section(CASES, found))
    return int(any(not result.holds for result in found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.live")
    parser.add_argument("--only", action="append", help="a part of what a case is called; may be repeated")
    parser.add_argument("--minutes", type=float, default=45, help="after which no more cases are begun")
    return parser.parse_args()


async def _try_all(cases: Sequence[Case], end: float) -> None:
    remaining = list(cases)
    while remaining and time.monotonic() < end:
        with tempfile.TemporaryDirectory(prefix="penstock-faults-") as folder:
            await _try_some(remaining, Path(folder), end)


async def _try_some(remaining: list[Case], folder: Path, end: float) -> None:
    """Try cases on one deployment, until it has had many or fails one, which may have left something behind."""
    on_small_disks = remaining[0].on_small_disks
    async with site_in(folder, small_disks if on_small_disks else no_disks) as site:
        await prepare(site)
        for number in range(OF_A_SITE):
            if not remaining or remaining[0].on_small_disks is not on_small_disks or time.monotonic() > end:
                return
            case = remaining.pop(0)
            result = await try_case(site, case, number)
            results.store(case, result)
            _tell(f"{_line(result)} ({len(remaining)} left)")
            if not result.holds:
                _tell(f"  logs: {results.keep_logs(case, site.stage.home.logs)}")
                return


def _line(result: Result) -> str:
    how = "held" if result.holds else f"FAILED: {result.failure or result.violations}"
    times = f"recovery {result.recovery_s} s, rest {result.rest_s} s"
    return f"{result.row}: {result.name}: {how}{', LATE' if result.is_late else ''}; {times}; {result.counts}"


def _tell(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
