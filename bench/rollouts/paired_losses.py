"""What champion and challenger lose on the same events, where it is known which of them is the better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from penstock.registry.rollout_comparison import fixed_tolerance, paired_tolerance
from penstock.registry.rollout_plan import RolloutPlan

Floats = NDArray[np.float64]
LossesByNoise = Callable[[Floats], Floats]
Events = Callable[[int, np.random.Generator], LossesByNoise]

ERROR_RATE = 0.2
SPREAD = 2.0  # standard deviation of the log odds
CENTRES = {0.5: 0.0, 0.05: -4.4225, 0.01: -6.4041}  # of the log odds, by the share of positives
SAMPLE = 1_000_000  # events from which the noise of the worse model is found
MOST_NOISE = 10.0


@dataclass(frozen=True, slots=True)
class PairedLosses:
    """`draw` gives the losses of champion and challenger on n events; `name` says how they differ.

    `margin` is what a canary by `plan` tolerates, and `champion_mean` what the champion loses, both on average.
    """

    name: str
    loss: str
    plan: RolloutPlan
    margin: float
    champion_mean: float
    draw: Callable[[int, np.random.Generator], tuple[Floats, Floats]]


def errors(plan: RolloutPlan, margins: float, disagreement: float) -> PairedLosses:
    """Errors: the champion errs in a fifth, the challenger in `margins` more, one of them alone in `disagreement`."""
    margin = paired_tolerance(plan, fixed_tolerance(plan, "error", ERROR_RATE), disagreement, plan.limit)
    alone = (disagreement + margins * margin) / 2, (disagreement - margins * margin) / 2  # the challenger, the champion

    def draw(n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
        drawn = random.random(n)
        both = drawn < ERROR_RATE - alone[1]
        only_challenger = ~both & (drawn < ERROR_RATE - alone[1] + alone[0])
        only_champion = drawn > 1 - alone[1]
        return (both | only_champion).astype(float), (both | only_challenger).astype(float)

    objective = "" if plan.has_objective else ", no objective declared"
    name = f"errors, models differ on {disagreement:.0%}{objective}"
    return PairedLosses(name, "error", plan, margin, ERROR_RATE, draw)


def log_losses(positives: float) -> Events:
    """Events of two classes; the noise is in the log odds."""

    def events(n: int, random: np.random.Generator) -> LossesByNoise:
        log_odds = random.normal(CENTRES[positives], SPREAD, n)
        signs = np.where(random.random(n) < expit(log_odds), -1.0, 1.0)
        return lambda noise: np.asarray(np.logaddexp(0.0, signs * (log_odds + noise)))

    return events


def residual_losses(of_error: Callable[[Floats], Floats]) -> Events:
    """Numbers whose residuals are of Student's t with three degrees of freedom, which have no third moment."""

    def events(n: int, random: np.random.Generator) -> LossesByNoise:
        residuals = random.standard_t(3, n)
        return lambda noise: of_error(residuals - noise)

    return events


def amount_losses(of_error: Callable[[Floats], Floats]) -> Events:
    """Log-normal amounts, which residuals and noise are in proportion to: the largest weigh the most."""

    def events(n: int, random: np.random.Generator) -> LossesByNoise:
        amounts, residuals = np.exp(random.normal(0.0, 1.0, n)), random.normal(0.0, 0.5, n)
        return lambda noise: of_error(amounts * (residuals - noise))

    return events


@dataclass(frozen=True)
class Models:
    """Two models that add `noise` of their own to what is best answered to `events`."""

    name: str
    loss: str
    noise: float
    events: Events

    def losses(self, plan: RolloutPlan, margins: float) -> PairedLosses:
        """Of a challenger that loses more by so many margins, since its noise is larger; below 0 the champion's is."""
        larger = _worse_noise(self, plan, abs(margins))
        sizes = (self.noise, larger) if margins >= 0 else (larger, self.noise)
        champion, challenger = self._sample(sizes)
        margin = _margin(self.loss, plan, champion, challenger)

        def draw(n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
            return self._draw(n, random, sizes)

        name = f"{self.name}, noise {self.noise:g}"
        return PairedLosses(name, self.loss, plan, margin, float(champion.mean()), draw)

    def excess(self, plan: RolloutPlan, margins: float, noise: float) -> float:
        """How much more than by so many margins a challenger with that noise loses."""
        champion, challenger = self._sample((self.noise, noise))
        worse_by = float((challenger - champion).mean())
        return worse_by - margins * _margin(self.loss, plan, champion, challenger)

    def _sample(self, sizes: tuple[float, float]) -> tuple[Floats, Floats]:
        return self._draw(SAMPLE, np.random.default_rng(0), sizes)

    def _draw(self, n: int, random: np.random.Generator, sizes: tuple[float, float]) -> tuple[Floats, Floats]:
        losses_of = self.events(n, random)
        champion, challenger = (losses_of(random.normal(0.0, size, n)) for size in sizes)
        return champion, challenger


@cache
def _worse_noise(models: Models, plan: RolloutPlan, margins: float) -> float:
    if not margins:
        return models.noise
    found = brentq(lambda noise: models.excess(plan, margins, noise), models.noise, MOST_NOISE, rtol=1e-3)
    return float(found)


def _margin(loss: str, plan: RolloutPlan, champion: Floats, challenger: Floats) -> float:
    fixed = fixed_tolerance(plan, loss, float(champion.mean()))
    return paired_tolerance(plan, fixed, float((challenger - champion).var()), plan.limit)
