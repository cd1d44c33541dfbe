"""Runs many seeds in two processes and writes the result: `python -m tests.faults --seeds 2000`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.faults.histories import failing_history
from tests.faults.page import POINT_NAMES, page, totals, write_simulated
from tests.faults.planted.bugs import BUGS, SECRET, is_secret_bug_found
from tests.faults.simulation import Run, failure_text, plan, run_plan, shorten

PROCESSES = 2
GROUP = 20  # seeds that are handed out at a time
NOWHERE = "**nowhere**"
TOLD_EVERY = 10  # seconds
REACHED_BY = 500  # seeds, by which each crash point must have been


def main() -> int:
    """Run seeds and histories; 1 when an invariant is violated, or a crash point was never reached."""
    logging.disable()
    options = _options()
    seeds = range(options.first, options.first + options.seeds)
    runs = list(_told(seeds, options.minutes * 60))
    failed = [run for run in runs if run.violations]
    for run in failed:
        _tell(failure_text(run))
    if len(seeds) == 1:
        return int(bool(failed))
    history_failure = failing_history(options.histories)
    if history_failure:
        _tell(history_failure)
    planted = asyncio.run(_planted())
    write_simulated(page(runs, options.histories, history_failure, planted))
    missed = [name for name in POINT_NAMES if not totals(runs)[1][name]] if len(runs) >= REACHED_BY else []
    if missed:
        _tell(f"never reached: {', '.join(missed)}")
    return int(bool(failed or history_failure or missed or NOWHERE in {where for _, where in planted.values()}))


async def _planted() -> dict[str, tuple[str, str]]:
    """By planted bug the invariant that must find it, and where it did."""
    seeds = [(bug, await bug.finding_seed()) for bug in BUGS]
    found = {bug.name: (bug.invariant, NOWHERE if seed is None else f"seed {seed}") for bug, seed in seeds}
    return found | {SECRET: ("the source", "the source of the seals" if is_secret_bug_found() else NOWHERE)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=60, help="after which no more seeds are begun")
    return parser.parse_args()


def _told(seeds: range, seconds: float) -> Iterator[Run]:
    """The runs of the seeds, in order, as far as the time allows; it is told how far they are."""
    began = told = time.monotonic()
    failed = done = 0
    with ProcessPoolExecutor(PROCESSES, initializer=logging.disable) as pool:
        for group in _groups(seeds):
            for run in pool.map(_run, group):
                failed, done = failed + bool(run.violations), done + 1
                yield run
            now = time.monotonic()
            if now - told > TOLD_EVERY or done == len(seeds):
                told, rate = now, done / (now - began)
                _tell(f"{done} of {len(seeds)} seeds, {rate:.1f}/s, {(len(seeds) - done) / rate:.0f} s left, "
                      f"{failed} failed")  # fmt: skip
            if now - began > seconds:
                return


def _groups(seeds: range) -> Iterator[range]:
    return (seeds[at : at + GROUP] for at in range(0, len(seeds), GROUP))


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(seed: int) -> Run:
    run = asyncio.run(run_plan(seed, plan(seed)))
    return asyncio.run(shorten(run)) if run.violations else run


if __name__ == "__main__":
    sys.exit(main())
