"""Draws the plots of docs/evaluation.md: reads each stream's scores, writes SVG files into the folder named second."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "penstock"  # equal results give equal files
import matplotlib.pyplot as plt  # noqa: E402

OURS = "#1f6feb"
COLOURS = {
    "last known": "#d0d7de",
    "static": "#8c959f",
    "calendar": "#9a6700",
    "calendar, lags": "#bf8700",
    "linear": "#bf3989",
    "Cara": "#6e7781",
    "tree": "#8250df",
    "forest": "#1a7f37",
    "forest, lags": "#4ac26b",
}
SMOOTHING_BLOCKS = 3  # blocks


def main() -> None:
    """Draw every stream."""
    for plot in json.loads(Path(sys.argv[1]).read_text()):
        draw(plot, Path(sys.argv[2]) / f"{plot['key']}.svg")


def draw(plot: dict[str, Any], path: Path) -> None:
    """The score over time of every column, with Penstock's models and drifts, and the changes of the stream."""
    figure, axes = plt.subplots(figsize=(9, 3.6))
    for rows, style, colour in (("drifts", ":", "#8c959f"), ("models", "-", "#b6d4fe"), ("changes", "-", "#d1242f")):
        for row in plot[rows]:
            if row is not None:
                axes.axvline(row, linestyle=style, color=colour, linewidth=1, zorder=1)
    for name, line in plot["lines"].items():
        ours = name == plot["ours"]
        rows, scores = smooth([(point["row"], point["score"]) for point in line if point["score"] is not None])
        axes.plot(rows, scores, label=name, color=OURS if ours else COLOURS[name], linewidth=2 if ours else 1, zorder=2)
    axes.set(title=plot["key"], xlabel="row", ylabel=plot["metric"])
    axes.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})  # so that equal results give equal files
    plt.close(figure)


def smooth(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    """The moving average of the scores."""
    scores = [score for _, score in points]
    means = [
        sum(part) / len(part)
        for end in range(1, len(scores) + 1)
        if (part := scores[max(0, end - SMOOTHING_BLOCKS) : end])
    ]
    return [row for row, _ in points], means


main()
