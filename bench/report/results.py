"""The results of a run: a row for each cell of a section, and the JSON file that holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Result:
    """One cell's figure over the repetitions; all None when it could not be measured.

    `x_echo` is the median of the cell's ratios to the echo floor, each taken within one repetition.
    """

    section: str
    cell: str
    unit: str
    median: float | None
    min: float | None
    max: float | None
    x_echo: float | None = None


def summarize(section: str, cell: str, unit: str, figures: Sequence[float], x_echo: float | None = None) -> Result:
    """The result of a cell from its figure in each repetition.

    >>> summarize("drain", "echo", "events/s", [3.0, 1.0, 2.0], 1.0)
    Result(section='drain', cell='echo', unit='events/s', median=2.0, min=1.0, max=3.0, x_echo=1.0)
    """
    if not figures:
        return Result(section, cell, unit, None, None, None)
    middle, lowest, highest = (_rounded(figure) for figure in (median(figures), min(figures), max(figures)))
    return Result(section, cell, unit, middle, lowest, highest, x_echo)


def median_ratio(figures: Mapping[int, float], floor: Mapping[int, float]) -> float | None:
    """The median over the repetitions of a cell's figure divided by the floor's; None without a common repetition.

    >>> median_ratio({0: 2.0, 1: 6.0, 2: 9.0}, {0: 2.0, 1: 2.0})
    2.0
    """
    ratios = [figure / floor[repetition] for repetition, figure in figures.items() if repetition in floor]
    return round(median(ratios), 3) if ratios else None


def write_results(name: str, results: Sequence[Result]) -> Path:
    """Write the results of a run to `results/<name>.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text("[\n" + ",\n".join(json.dumps(asdict(row)) for row in results) + "\n]\n")
    return path


def _rounded(figure: float) -> float:
    """Four significant digits: more than the measurement's precision."""
    return float(f"{figure:.4g}") if abs(figure) < 1000 else round(figure)
