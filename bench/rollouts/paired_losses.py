"""What champion and challenger lose on the same events, where it is known which of them is the better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

Floats = NDArray[np.float64]

ERROR_RATE = 0.2
SPREAD = 2.0  # standard deviation of the log odds
CENTRES = {0.5: 0.0, 0.05: -4.04}  # of the log odds, by the share of positives
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


@dataclass(frozen=True, slots=True)
class PairedLosses:
    """`draw` gives the losses of champion and challenger on n events; `name` says how they differ."""

    name: str
    loss: str
    draw: Callable[[int, np.random.Generator], tuple[Floats, Floats]]


def errors(worse_by: float, disagreement: float) -> PairedLosses:
    """Errors: the champion errs in a fifth, the challenger in `worse_by` more, one of them alone in `disagreement`."""
    alone = (disagreement + worse_by) / 2, (disagreement - worse_by) / 2  # the challenger, the champion

    def draw(n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
        drawn = random.random(n)
        both = drawn < ERROR_RATE - alone[1]
        only_challenger = ~both & (drawn < ERROR_RATE - alone[1] + alone[0])
        only_champion = drawn > 1 - alone[1]
        return (both | only_champion).astype(float), (both | only_challenger).astype(float)

    return PairedLosses(f"0/1, the models differ on {disagreement:.0%}", "error", draw)


def log_losses(worse_by: float, positives: float, noise: float) -> PairedLosses:
    """Log losses of models that add noise of their own to the log odds.

    The better one has that `noise`; the challenger's is such that it loses more by a share of `worse_by`; where that is
    below 0 the champion's is.
    """
    centre, larger = CENTRES[positives], _noise_of(positives, noise, abs(worse_by))
    sizes = (noise, larger) if worse_by >= 0 else (larger, noise)  # the champion's, the challenger's

    def draw(n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
        log_odds = random.normal(centre, SPREAD, n)
        signs = np.where(random.random(n) < expit(log_odds), -1.0, 1.0)
        champion, challenger = (np.logaddexp(0.0, signs * (log_odds + random.normal(0, size, n))) for size in sizes)
        return champion, challenger

    return PairedLosses(f"log losses, {positives:.0%} positive, noise {noise:g}", "log_loss", draw)


@cache
def _noise_of(positives: float, noise: float, worse_by: float) -> float:
    """The noise by which a model loses that share more."""
    asked = mean_log_loss(CENTRES[positives], noise) * (1 + worse_by)
    return float(brentq(lambda size: mean_log_loss(CENTRES[positives], size) - asked, noise, 10.0))


def mean_log_loss(centre: float, noise: float) -> float:
    """What a model with that noise loses on average."""
    log_odds = centre + SPREAD * NODES[:, None]
    answers = log_odds + noise * NODES
    losses = expit(log_odds) * np.logaddexp(0.0, -answers) + expit(-log_odds) * np.logaddexp(0.0, answers)
    weights = WEIGHTS / WEIGHTS.sum()
    return float(weights @ losses @ weights)
