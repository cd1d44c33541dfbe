"""Tries faults on real processes and a real broker: `python -m tests.faults.live`.

Results are kept: a second run tries what is missing and what had failed, and then what was tried with another product.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import filterfalse
from pathlib import Path

from tests.faults.live import results
from tests.faults.live.all_cases import CASES, companies
from tests.faults.live.case import Case, Result
from tests.faults.live.page import live_section
from tests.faults.live.rows.disk import small_disks
from tests.faults.live.site import no_disks, site_in, write_task_stacks
from tests.faults.live.trial import prepare, try_together
from tests.faults.page import write_live

SITES = 2  # deployments at the same time: most of a case is waiting
OF_A_SITE = 40  # cases, after which a new deployment is begun: each has a stream, whose topics stay

Companies = Sequence[tuple[Case, ...]]


def main() -> int:
    """Try cases; 1 when one failed."""
    options = _options()
    wanted = [case for case in CASES if any(part in case.key for part in options.only or [""])]
    missing = companies(sorted(filterfalse(_holds, wanted), key=_has_held))
    try_share = partial(_try_share, missing=missing, end=time.monotonic() + options.minutes * 60)
    with ProcessPoolExecutor(SITES) as pool:
        list(pool.map(try_share, range(SITES)))
    found = [result for case in CASES if (result := results.newest(case))]
    write_live(live_section(CASES, found, of_this_product=sum(results.stored(case) is not None for case in CASES)))
    return int(any(not result.holds for result in found))


def _holds(case: Case) -> bool:
    return (result := results.stored(case)) is not None and result.holds


def _has_held(case: Case) -> bool:
    """Whether it held when it was tried last, be it with an earlier product: others are tried before."""
    return (result := results.newest(case)) is not None and result.holds


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.live")
    parser.add_argument("--only", action="append", help="a part of what a case is called; may be repeated")
    parser.add_argument("--minutes", type=float, default=45, help="after which no more cases are begun")
    return parser.parse_args()


def _try_share(place: int, missing: Companies, end: float) -> None:
    """Try one of so many shares of the cases, on deployments that have a range of ports by their place."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    asyncio.run(_try_all(place, missing[place::SITES], end))


async def _try_all(place: int, missing: Companies, end: float) -> None:
    remaining = list(missing)
    while remaining and time.monotonic() < end:
        with tempfile.TemporaryDirectory(prefix="penstock-faults-") as folder:
            await _try_some(place, remaining, Path(folder), end)


async def _try_some(place: int, remaining: list[tuple[Case, ...]], folder: Path, end: float) -> None:
    """Try cases on one deployment, until it has had many or fails one, which may have left something behind."""
    on_small_disks, number = remaining[0][0].on_small_disks, 0
    async with site_in(folder, place, small_disks if on_small_disks else no_disks) as site:
        await prepare(site)
        while remaining and number < OF_A_SITE and time.monotonic() < end:
            if remaining[0][0].on_small_disks is not on_small_disks:
                return
            company = remaining.pop(0)
            found = await try_together(site, company, number)
            number += len(company)
            for case, result in zip(company, found, strict=True):
                results.store(case, result)
                _tell(f"{_line(result)} ({sum(map(len, remaining))} left)")
            if not all(result.holds for result in found):
                await write_task_stacks(site)
                _tell(f"  logs: {results.keep_logs(company[0], site.stage.home.logs)}")
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
