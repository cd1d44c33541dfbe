"""`python -m bench.rollouts`: how often rollouts end wrongly, on errors, log losses and losses of numbers.

Writes docs/rollout-rates.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from bench.report.terminal import print_line
from bench.rollouts.paired_losses import Models, PairedLosses, amount_losses, errors, log_losses, residual_losses
from bench.rollouts.simulation import promoted_share
from penstock.contracts.declaration.model_lifecycle import RolloutDeclaration
from penstock.contracts.records.models import RolloutMode
from penstock.registry.rollout_plan import RolloutPlan

PAGE = Path(__file__).parents[2] / "docs" / "rollout-rates.md"
RUNS = 1000

Kind = Callable[[RolloutPlan, float], PairedLosses]

LOG_LOSSES = tuple(
    Models(f"log losses, {positives:.0%} positive", "log_loss", noise, log_losses(positives))
    for positives in (0.5, 0.05, 0.01)
    for noise in (0.2, 0.4, 1.0)
)
NUMBERS = (
    Models("absolute errors, t residuals", "absolute_error", 0.5, residual_losses(np.abs)),
    Models("squared errors, t residuals", "squared_error", 0.5, residual_losses(np.square)),
    Models("absolute errors, log-normal amounts", "absolute_error", 0.5, amount_losses(np.abs)),
    Models("squared errors, log-normal amounts", "squared_error", 0.5, amount_losses(np.square)),
)
BY_AN_OBJECTIVE: tuple[Kind, ...] = (
    partial(errors, disagreement=0.2),
    *(models.losses for models in (*LOG_LOSSES, *NUMBERS)),
)
WITHOUT: tuple[Kind, ...] = (partial(errors, disagreement=0.05), partial(errors, disagreement=0.1))
OF_AN_AB_TEST: tuple[Kind, ...] = (
    *(models.losses for models in (LOG_LOSSES[1], LOG_LOSSES[4], NUMBERS[0])),
    partial(errors, disagreement=0.1),
)

EQUAL, WORSE = ("equal", 0.0), ("worse by the margin", 1.0)
MUCH_WORSE, BETTER = ("worse by two margins", 2.0), ("better by two margins", -2.0)


def rollouts() -> Iterator[tuple[str, PairedLosses]]:
    """How much worse the challenger is, and the losses with the plan of the rollout."""
    for worse, margins in (EQUAL, WORSE, MUCH_WORSE):
        yield from ((worse, kind(_plan("canary", has_objective=False), margins)) for kind in WITHOUT)
        yield from ((worse, kind(_plan("canary"), margins)) for kind in BY_AN_OBJECTIVE)
    for worse, margins in (EQUAL, WORSE, BETTER):
        yield from ((worse, kind(_plan("ab"), margins)) for kind in OF_AN_AB_TEST)


def _plan(mode: RolloutMode, *, has_objective: bool = True) -> RolloutPlan:
    return RolloutPlan.of(RolloutDeclaration(), mode, has_objective=has_objective)


def main() -> None:
    """Simulate, print and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.rollouts", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="how many rollouts of each kind")
    runs = parser.parse_args().runs
    lines = []
    for worse, losses in rollouts():
        lines.append(f"{_cells(worse, losses)} {promoted_share(losses, runs):.1%} |")
        print_line(lines[-1])
    PAGE.write_text(_page(lines, runs), encoding="utf-8")


def _cells(worse: str, losses: PairedLosses) -> str:
    mode = "A/B test" if losses.plan.mode == "ab" else losses.plan.mode
    margin = f"{losses.margin:.3g}, {losses.margin / losses.champion_mean:.1%}"
    return f"| {mode} | {worse} | {losses.name} | {margin} |"


def _page(lines: list[str], runs: int) -> str:
    table = "\n".join(lines)
    return f"""# How often rollouts end wrongly

Written by `python -m bench.rollouts`: {runs:,} simulated rollouts each, by the registry's own decisions, of at most
20,000 outcomes, at confidence .95, both models asked about each event. No `margin` is declared: the one that follows
from the limit ([decision](decisions/0057-a-canary-tolerates-what-its-limit-can-show.md)) is given in units of the loss,
and as a share of the champion's mean loss. It goes by how much the two models differ, so that of a worse challenger is
wider than that of an equal one.

Of errors the champion makes some in a fifth of the answers. Of log losses the true log odds have a standard deviation
of 2, and each model adds noise of its own to them: that of the better one is named, and the other's makes it so much
worse. Of numbers the noise is added to the best answer; residuals are of Student's t with three degrees of freedom, or
in proportion to log-normal amounts, as the noise then is.

A challenger that is worse by the margin may be promoted by a canary in at most 5 %, and one that is not better by an
A/B test; a canary is to promote four of five equal ones.

| rollout | the challenger is | losses | margin | promoted |
|---|---|---|---:|---:|
{table}
"""


if __name__ == "__main__":
    main()
