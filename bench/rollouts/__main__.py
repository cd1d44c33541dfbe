"""`python -m bench.rollouts`: how often rollouts end wrongly, on 0/1 losses and on log losses.

Writes docs/rollout-rates.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench.report.terminal import print_line
from bench.rollouts.paired_losses import PairedLosses, errors, log_losses
from bench.rollouts.simulation import promoted_share
from penstock.contracts.records.models import RolloutMode

PAGE = Path(__file__).parents[2] / "docs" / "rollout-rates.md"
RUNS = 1000
NOISE = 0.4
MODELS = ((0.5, 0.2), (0.5, NOISE), (0.05, 0.2), (0.05, NOISE))  # shares of positives, and noise in the log odds


def rollouts() -> Iterator[tuple[RolloutMode, str, PairedLosses]]:
    """Each mode, how much worse the challenger is, and the losses."""
    for worse, points in (("equal", 0.0), ("worse by the margin: 1 point", 0.01), ("4 points worse", 0.04)):
        for disagreement in (0.05, 0.1):
            yield "canary", worse, errors(points, disagreement)
    for worse, share in (("equal", 0.0), ("worse by the margin: 1 % of the loss", 0.01), ("5 % worse", 0.05)):
        for positives, noise in MODELS:
            yield "canary", worse, log_losses(share, positives, noise)
    for worse, points in (("equal", 0.0), ("1 point worse", 0.01), ("3 points better", -0.03)):
        yield "ab", worse, errors(points, 0.1)
    for worse, share in (("equal", 0.0), ("1 % worse", 0.01), ("5 % better", -0.05)):
        for positives, _ in MODELS[::2]:
            yield "ab", worse, log_losses(share, positives, NOISE)


def main() -> None:
    """Simulate, print and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.rollouts", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="how many rollouts of each kind")
    runs = parser.parse_args().runs
    lines = []
    for mode, worse, losses in rollouts():
        share = promoted_share(mode, losses, runs)
        lines.append(f"| {'A/B test' if mode == 'ab' else mode} | {worse} | {losses.name} | {share:.1%} |")
        print_line(lines[-1])
    PAGE.write_text(_page(lines, runs), encoding="utf-8")


def _page(lines: list[str], runs: int) -> str:
    table = "\n".join(lines)
    return f"""# How often rollouts end wrongly

Written by `python -m bench.rollouts`: {runs:,} simulated rollouts each, by the registry's own decisions, of at most
20,000 outcomes, at confidence .95, both models asked about each event. Of 0/1 losses the champion errs in a fifth of
the answers. Of log losses the true log odds have a standard deviation of 2, and each model adds noise of its own to
them: that of the better one is named, and the other's makes it so much worse. The margin is a hundredth of the
champion's mean loss.

A challenger that is worse by the margin may be promoted by a canary in at most 5 %, and one that is not better by an
A/B test; a canary is to promote four of five equal ones.

| rollout | the challenger is | losses | promoted |
|---|---|---|---:|
{table}
"""


if __name__ == "__main__":
    main()
