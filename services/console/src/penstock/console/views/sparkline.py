"""Scores over time in the terminal: a bar of text for each part of the run, plain numbers elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

BARS = "▁▂▃▄▅▆▇█"
GAP = " "
WIDEST = 60  # bars
PLAIN_NUMBERS = 10

Scores = Sequence[float | None]


def sparkline(scores: Scores, low: float, high: float) -> str:
    """A bar for each score, the lowest at `low` and the highest at `high`; a gap where there is none.

    >>> sparkline([0.0, 0.5, None, 1.0], 0.0, 1.0)
    '▁▅ █'
    """
    return "".join(GAP if score is None else BARS[_height(score, low, high)] for score in scores)


def averages(scores: Scores, parts: int) -> list[float | None]:
    """The means of at most so many equal parts of the scores, None where a part has none.

    >>> averages([1.0, 3.0, None, None, 5.0], 3)
    [1.0, 3.0, 5.0]
    """
    count = min(parts, len(scores))
    bounds = [len(scores) * part // count for part in range(count + 1)] if count else []
    return [_mean(scores[first:end]) for first, end in itertools.pairwise(bounds)]


@dataclass(frozen=True)
class ScoreLines:
    """Lines of scores over the same time, below each other on one scale, as wide as the terminal allows.

    `last` says what the right end is, as `row 45,312`.
    """

    lines: Mapping[str, Scores]
    last: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        known = [score for scores in self.lines.values() for score in scores if score is not None and isfinite(score)]
        if not known:
            return
        names = max(map(len, self.lines))
        low, high = min(known), max(known)
        for name, scores in self.lines.items():
            drawing = self._drawing(scores, low, high, options, names)
            yield Text(f"{name:{names}}  {drawing}", no_wrap=True, overflow="crop")
        yield Text(f"{'':{names}}  up to {self.last}; lowest {low:.4g}, highest {high:.4g}", "dim", no_wrap=True)

    def _drawing(self, scores: Scores, low: float, high: float, options: ConsoleOptions, names: int) -> str:
        if not options.is_terminal:
            return " ".join("     -" if each is None else f"{each:6.4g}" for each in averages(scores, PLAIN_NUMBERS))
        return sparkline(averages(scores, max(1, min(WIDEST, options.max_width - names - 2))), low, high)


def _height(score: float, low: float, high: float) -> int:
    share = (score - low) / (high - low) if high > low else 0.5
    return min(len(BARS) - 1, max(0, int(share * len(BARS))))


def _mean(scores: Scores) -> float | None:
    known = [score for score in scores if score is not None and isfinite(score)]
    return sum(known) / len(known) if known else None
