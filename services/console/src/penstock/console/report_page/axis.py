"""An axis of a chart: its range, its ticks, and where a value lies on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

MOST_TICKS = 6


@dataclass(frozen=True)
class Tick:
    """A tick: where it is, in percent of the axis, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, which differ, with ticks `step` apart."""

    low: float
    high: float
    step: float

    def at(self, value: float) -> float:
        """Where a value lies, in percent from the beginning of the axis; values beyond it lie at its ends."""
        return round(100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 2)

    @property
    def ticks(self) -> list[Tick]:
        """The multiples of the step that lie on the axis."""
        first, last = ceil(self.low / self.step - 1e-9), floor(self.high / self.step + 1e-9)
        decimals = min(12, max(0, -floor(log10(self.step) + 1e-9)))
        return [
            Tick(self.at(number * self.step), f"{number * self.step:,.{decimals}f}")
            for number in range(first, last + 1)
        ]


def axis_from(low: float, high: float, ticks: int = MOST_TICKS) -> Axis:
    """The axis from `low` to `high` with at most about so many ticks, at round numbers.

    >>> [tick.text for tick in axis_from(0, 45312, 4).ticks]
    ['0', '20,000', '40,000']
    """
    high = high if high > low else low + (abs(low) or 1.0)
    return Axis(low, high, _round_step((high - low) / max(1, ticks - 1)))


def axis_around(values: Iterable[float | None], *, zero: bool = False, highest: float | None = None) -> Axis:
    """The axis that holds all finite values, widened to whole steps; from 0 with `zero`, to `highest` at most."""
    known = [value for value in values if value is not None and isfinite(value)] or [0.0, 1.0]
    inner = axis_from(min(0.0 if zero else known[0], *known), max(known))
    low, high = floor(inner.low / inner.step) * inner.step, ceil(inner.high / inner.step) * inner.step
    return Axis(low, high if highest is None else min(high, max(highest, low + inner.step)), inner.step)


def _round_step(step: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least `step`."""
    power = 10.0 ** floor(log10(step))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= step * (1 - 1e-9)), 10 * power)
