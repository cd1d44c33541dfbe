"""`python -m bench.evaluation.poison`: what false labels do to the loop, written to docs/poison.md (minutes)."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.evaluation.poison.attack_runs import run_attack
from bench.evaluation.poison.attacks import ATTACKS, STREAM
from bench.evaluation.poison.challengers import JudgedChallenger, generate_events, judge_challenger, random_part
from bench.evaluation.poison.poison_page import (
    CHALLENGER_ROWS,
    CHALLENGER_SEEDS,
    PAGE,
    attack_line,
    challenger_line,
    page_text,
)
from bench.report.terminal import print_line

FLIPPED_HOLDOUT_SHARES = (0.0, 0.25, 0.4, 0.5, 0.6, 1.0)
FAMILIES = (("linear", "boosting"), ("linear", "boosting", "additive"))


def main() -> None:
    """Run every attack, then every challenger, and write the page."""
    argparse.ArgumentParser(prog="python -m bench.evaluation.poison", description=__doc__).parse_args()
    results = []
    for attack in ATTACKS:
        with TemporaryDirectory(prefix="penstock-poison-") as folder:
            results.append(asyncio.run(run_attack(attack, Path(folder))))
        print_line(attack_line(results[-1]).strip())
    challenger_lines = []
    for line in _challenger_lines():
        challenger_lines.append(line)
        print_line(line.strip())
    PAGE.write_text(page_text(results, challenger_lines))
    print_line(f"written: {PAGE}")


def _challenger_lines() -> Iterator[str]:
    for families in FAMILIES:
        for share in FLIPPED_HOLDOUT_SHARES:
            challengers = [_flipped_challenger(families, share, seed) for seed in CHALLENGER_SEEDS]
            yield challenger_line(families, share, challengers)


def _flipped_challenger(families: Sequence[str], holdout_share: float, seed: int) -> JudgedChallenger:
    events = generate_events(STREAM, CHALLENGER_ROWS, seed)
    flipped = ~events.in_holdout | random_part(events.in_holdout, holdout_share, seed)
    return judge_challenger(events, flipped, families)


if __name__ == "__main__":
    main()
